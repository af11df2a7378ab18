package h1

func isLetter(c int) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80 }

func isDigit(c int) bool { return c >= '0' && c <= '9' }
