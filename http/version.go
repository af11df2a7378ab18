package http

// NginxVersion is the version of nginx whose behaviour weir has.
const NginxVersion = "1.31.5"
