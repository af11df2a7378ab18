#!/bin/sh
# Makes a certificate to try the example with. openssl is needed.
set -e
cd "$(dirname "$0")"
mkdir -p certs
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=calls.example.dev \
    -addext 'subjectAltName=DNS:calls.example.dev,DNS:localhost' -keyout certs/calls.example.dev.key -out certs/calls.example.dev.crt
