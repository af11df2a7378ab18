#!/bin/sh
# Makes certificates to try the example with: one for the site, an authority for the staff, one for Ada of it. openssl is needed.
set -e
cd "$(dirname "$0")"
mkdir -p certs
cd certs
key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90'
openssl req -x509 $key -subj /CN=shop.example.dev -addext 'subjectAltName=DNS:shop.example.dev,DNS:office.example.dev,DNS:localhost' \
    -keyout shop.example.dev.key -out shop.example.dev.crt
openssl req -x509 $key -subj /CN=staff -keyout staff.key -out staff.crt
openssl req $key -subj /CN=ada -keyout ada.key -out ada.csr
openssl x509 -req -in ada.csr -CA staff.crt -CAkey staff.key -set_serial 1 -days 90 -out ada.crt
rm ada.csr
