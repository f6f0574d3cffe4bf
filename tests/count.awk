# Adds up meson's testlog.txt: cmocka's own counts where a program prints them, else one by its exit status.
function close_program() {
    if (!name)
        return
    if (status != "exit status 0" && !failed_here) {
        failed_here = 1
        print name ": " status
    } else if (!passed_here && !failed_here && !skipped_here)
        passed_here = 1
    passed += passed_here; failed += failed_here; skipped += skipped_here
    name = ""
}
/^=+ +[0-9]+\/[0-9]+ +=+$/ { close_program(); passed_here = failed_here = skipped_here = 0 }
/^test: / { if (!name) name = $NF }
/^result: / { status = substr($0, index($0, $2)) }
/^\[  PASSED  \] [0-9]+ test/ { passed_here += $4 }
/^\[  FAILED  \] [0-9]+ test/ { failed_here += $4 }
/^\[  SKIPPED \] [0-9]+ test/ { skipped_here += $4 }
END {
    close_program()
    if (skipped)
        print skipped " skipped"
    print passed + 0 " passed, " failed + 0 " failed"
    exit failed > 0 || passed == 0
}
