"""Answers the cases that TestPatternCases writes, with the system's PCRE2: the oracle of pcre.txt.

    WEIR_PCRE_CASES=/tmp/cases go test -run TestPatternCases ./vars
    python3 vars/testdata/pcre.py < /tmp/cases > vars/testdata/pcre.txt

A case is a line: pattern in hex, 1 when case is ignored, text in hex; the answer adds the offsets of
the match and its groups, "none", "error" (does not compile) or "limit".
"""
import ctypes
import sys

pcre = ctypes.CDLL("libpcre2-8.so.0")
for name in ("pcre2_compile_8", "pcre2_match_data_create_from_pattern_8", "pcre2_get_ovector_pointer_8"):
    getattr(pcre, name).restype = ctypes.c_void_p
CASELESS = 8


def answer(pattern, fold, text):
    err, off = ctypes.c_int(), ctypes.c_size_t()
    code = pcre.pcre2_compile_8(pattern, ctypes.c_size_t(len(pattern)), CASELESS if fold else 0,
                                ctypes.byref(err), ctypes.byref(off), None)
    if not code:
        return "error"
    code = ctypes.c_void_p(code)
    data = ctypes.c_void_p(pcre.pcre2_match_data_create_from_pattern_8(code, None))
    n = pcre.pcre2_match_8(code, text, ctypes.c_size_t(len(text)), ctypes.c_size_t(0), 0, data, None)
    out = "none"
    if n < -1:
        out = "limit"
    elif n > 0:
        pairs = pcre.pcre2_get_ovector_count_8(data)
        v = ctypes.cast(pcre.pcre2_get_ovector_pointer_8(data), ctypes.POINTER(ctypes.c_ssize_t))
        out = ",".join(str(v[i]) for i in range(2 * pairs))
    pcre.pcre2_match_data_free_8(data)
    pcre.pcre2_code_free_8(code)
    return out


for line in sys.stdin:
    pattern, fold, text = line.rstrip("\n").split(" ")
    print(line.rstrip("\n"), answer(bytes.fromhex(pattern), fold == "1", bytes.fromhex(text)))
