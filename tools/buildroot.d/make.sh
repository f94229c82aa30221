# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with tools/buildroot
# SPDX-License-Identifier: GPL-2.0-only
#
# Making the root: a Debian system by mmdebstrap, with the newest kernel of each series.

# Prints "package version" lines of the backports' index.
fetch_index() {
	local url=$mirror/dists/$suite-backports/main/binary-amd64/Packages.xz
	/usr/lib/apt/apt-helper -o Acquire::http::Timeout=20 -o Acquire::Retries=1 \
		download-file "$url" "$cache/kernels.xz" >"$log" 2>&1 ||
		die "cannot fetch $url (see $log): check the network, SLEEPTIMER_MIRROR and SLEEPTIMER_SUITE"
	/usr/lib/apt/apt-helper cat-file "$cache/kernels.xz" |
		awk '$1 == "Package:" { name = $2 } $1 == "Version:" { print name, $2 }'
}

# newest_kernels INDEX: prints "series SERIES RELEASE VERSION" of each wanted series.
newest_kernels() {
	local wanted package version offered
	offered=$(sed -n 's/^linux-headers-\([0-9]*\.[0-9]*\).*-cloud-amd64 .*/\1/p' <<<"$1" | sort -uV | xargs)
	for wanted in "${series[@]}"; do
		read -r package version < <(grep "^linux-headers-$wanted\..*-cloud-amd64 " <<<"$1" |
			sort -V -k2,2 | tail -1) || true
		grep -qxF "linux-source-$wanted $version" <<<"$1" ||
			die "$suite-backports has no kernel $wanted: set SLEEPTIMER_SERIES to some of \"$offered\""
		printf 'series %s %s %s\n' "$wanted" "${package#linux-headers-}" "$version"
	done
}

# Reads mmdebstrap's messages, keeps them in the log and shows the milestones.
show_progress() {
	local line step='' start=0
	while IFS= read -r line; do
		printf '%s\n' "$line" >>"$log"
		case $line in
		'I: running apt-get update'*) next_step "[2/5] making the base system" ;;
		'I: installing remaining packages'*) next_step "[3/5] installing the packages" ;;
		'I: running --customize-hook'*) next_step "[4/5] unpacking the kernel images" ;;
		'I: cleaning package lists'*) next_step "[5/5] finishing" ;;
		esac
	done
	next_step ''
}

# Helper of show_progress: ends the line of the running step and begins that of the next.
next_step() {
	[ -z "$step" ] || printf ' %d s\n' $((SECONDS - start)) >&2
	step=$1 start=$SECONDS
	[ -z "$step" ] || printf 'buildroot: %s ...' "$step" >&2
}

# mmdebstrap_root MODE TARGET MANIFEST
mmdebstrap_root() {
	local mode=$1 target=$2 manifest=$3 releases headers sources options=() filter private=()
	releases=$(awk '$1 == "series" { print $3 }' <<<"$manifest" | xargs)
	headers=$(awk '$1 == "series" { print "linux-headers-" $3 "=" $4 }' <<<"$manifest")
	sources=$(awk '$1 == "series" { print "linux-source-" $2 "=" $4 }' <<<"$manifest")
	for filter in "${file_filters[@]}"; do options+=("--dpkgopt=$filter"); done
	# Whatever kills it, no mount stays behind; its own unshare mode sees to that by itself.
	[ "$mode" != root ] || private=(unshare --mount)
	env releases="$releases" manifest="$manifest" "${private[@]}" \
		mmdebstrap --mode="$mode" --variant=essential --architectures=amd64 "${options[@]}" \
		--keyring="$keyring" --aptopt='Acquire::Retries "3"' --skip=output/dev \
		--include="${packages[*]} $headers $sources" \
		--customize-hook="$unpack_kernels"$'\n'"$unpack_more" \
		"$suite" "$target" - <<-END
		deb $mirror $suite main
		deb $mirror $suite-updates main
		deb $mirror $suite-backports main
		END
}

# Unpacks mmdebstrap's archive as files of this user, who can delete them without further help.
mmdebstrap_as_user() {
	mkdir -m 755 "$scratch"
	TMPDIR=$scratch mmdebstrap_root unshare - "$1" |
		tar -x --no-same-owner --exclude='./dev/*' -C "$partial"
}

# The log's last word, with what to do about it.
why_failed() {
	if grep -qi -e 'no space left on device' -e 'enough free space' "$log"; then
		echo "the disk is full (see $log): free $need_mb MB and run this again"
	else
		echo "could not make the root ($(grep '^E: ' "$log" | tail -1)): see $log and run this again"
	fi
}

fill_partial() {
	mkdir "$partial"
	if [ "$uid" = 0 ]; then
		mmdebstrap_root root "$partial" "$1" 2>&1
	else
		mmdebstrap_as_user "$1" 2>&1
	fi | show_progress
}

make_root() {
	local index kernels
	need_build_tools
	need_subuids
	hold 8 -x "$cache/making.lock"
	[ ! -d "$root" ] || return 0
	remove_partial
	need_space "$cache"
	[ "$uid" = 0 ] || need_space /var/tmp
	SECONDS=0
	say "[1/5] asking $mirror for the kernels of ${series[*]}"
	index=$(fetch_index)
	kernels=$(newest_kernels "$index")
	trap remove_partial EXIT
	fill_partial "suite $suite"$'\n'"key $key"$'\n'"$kernels"$'\n' || die "$(why_failed)"
	mv "$partial" "$root"
	trap - EXIT
	remove_partial
	exec 8>&-
	say "made $root: $SECONDS s, $(du -sm "$root" | cut -f1) MB"
}
