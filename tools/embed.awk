# A text file as a C string: awk -v name=SYMBOL -f embed.awk FILE. For any awk; nothing but POSIX is used.
BEGIN {
    print "extern const char " name "[];"
    print "const char " name "[] ="
}
{
    gsub(/[\\"]/, "\\\\&")
    print "    \"" $0 "\\n\""
}
END { print "    ;" }
