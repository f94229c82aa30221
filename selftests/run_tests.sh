#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs kselftests one after another, each for as long as "settings" allows, and prints KTAP.
# Exits with 0 if none failed, 1 if one did, 4 if all were skipped.
#
# Usage: run_tests.sh PROGRAM...

timeout=$(sed -n 's/^timeout=//p' "$(dirname "$0")/settings")
number=0 passed=0 failed=0 skipped=0
exec 4>&1

echo "KTAP version 1"
echo "1..$#"
for program; do
	number=$((number + 1))
	name="selftests: sleeptimer: $(basename "$program")"
	# The program's status goes past the pipe, whose own is that of sed.
	status=$({
		{
			timeout -s KILL "$timeout" "$program" 2>&1 3>&-
			echo $? >&3
		} | sed 's/^/# /' >&4
	} 3>&1)
	case $status in
	0)
		passed=$((passed + 1))
		echo "ok $number $name"
		;;
	4)
		skipped=$((skipped + 1))
		echo "ok $number $name # SKIP"
		;;
	*)
		failed=$((failed + 1))
		echo "not ok $number $name # exit=$status"
		;;
	esac
done
echo "# Totals: pass:$passed fail:$failed skip:$skipped"
if [ $failed -gt 0 ]; then
	exit 1
elif [ $passed -eq 0 ]; then
	exit 4
fi
