package script

import "weir/weirtest"

func runCertificate(r *run, args []string) {
	o := weirtest.CertificateOptions{}
	for rest := args[1:]; len(rest) > 0; rest = rest[1:] {
		switch {
		case rest[0] == "-ca":
			o.CA = true
		case rest[0] == "-expired":
			o.Expired = true
		case rest[0] == "-by" && len(rest) > 1:
			rest = rest[1:]
			o.By = rest[0]
		case rest[0] == "-for" && len(rest) > 1:
			rest = rest[1:]
			o.For = append(o.For, rest[0])
		default:
			r.fail("%q is not -ca, -expired, -by NAME, -for NAME", rest[0])
		}
	}
	r.must(weirtest.WriteCertificate(r.dir, args[0], o))
}
