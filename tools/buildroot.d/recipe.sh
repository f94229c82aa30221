# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with tools/buildroot
# SPDX-License-Identifier: GPL-2.0-only
#
# What the root is made of. All of it goes into the key: another recipe makes another root.

# The suite's own rustc and bindgen: the backports kernels are built with those.
readonly base_packages=(
	bc bindgen bison busybox-static ca-certificates cargo cpio flex gcc kmod libc6-dev libelf-dev
	libssl-dev make pahole perl python3 rust-clippy rust-src rustc rustfmt xz-utils zstd
)
# The ABI is checked for C++ too, and the kernel's kselftest installs by rsync.
readonly gcc_packages=("${base_packages[@]}" g++ rsync)
# A kernel with sanitizers has Rust only if clang builds it, and of the version that rustc links.
readonly llvm_packages=("${base_packages[@]}" clang-19 lld-19 llvm-19)
# Never read by a build: documentation, the sources of rustc itself, clang as static libraries.
readonly file_filters=(
	path-exclude='/usr/share/doc/*' path-exclude='/usr/share/man/*'
	path-exclude='/usr/share/info/*' path-exclude='/usr/share/locale/*'
	path-exclude='/usr/lib/llvm-*/lib/libclang*.a'
	path-exclude='/usr/src/rustc-*' path-include='/usr/src/rustc-*/library/*'
)
# The kernel images are data for the VM: unpacked only, so that nothing wants to boot them. apt is
# the host's and knows the root through APT_CONFIG, which mmdebstrap provides.
# shellcheck disable=SC2016 # expanded by the hook's own shell
readonly unpack_kernels='set -e
	APT_CONFIG=$MMDEBSTRAP_APT_CONFIG; export APT_CONFIG
	mkdir "$1/tmp/kernels"; cd "$1/tmp/kernels"
	for release in $releases; do
		apt-get -q download "linux-binary-$release" "linux-modules-$release"
	done
	for deb in *.deb; do dpkg-deb -x "$deb" "$1"; done
	for release in $releases; do
		ln -s "../lib/modules/$release/vmlinuz" "$1/boot/vmlinuz-$release"
		chroot "$1" depmod "$release"
	done
	cd /; rm -r "$1/tmp/kernels"
	printf "%s" "$manifest" >"$1/etc/sleeptimer-buildroot"
	: >"$1/etc/resolv.conf"'
# What runs in the VM beside a soak, and those of its libraries that are not there anyway. With all that
# they depend on they would bring Mesa and LLVM, so they are unpacked only, too.
# shellcheck disable=SC2016 # as above
readonly unpack_load='set -e
	APT_CONFIG=$MMDEBSTRAP_APT_CONFIG; export APT_CONFIG
	mkdir "$1/tmp/load"; cd "$1/tmp/load"
	apt-get -q download stress-ng libapparmor1 libdrm2 libegl1 libgbm1 libgles2 libglvnd0 \
		libipsec-mb2 libjpeg62-turbo libjudydebian1 libsctp1
	for deb in *.deb; do dpkg-deb -x "$deb" "$1"; done
	cd /; rm -r "$1/tmp/load"'

case $toolchain in
gcc) packages=("${gcc_packages[@]}") unpack_more=$unpack_load ;;
llvm) packages=("${llvm_packages[@]}") unpack_more='' ;;
*) die "SLEEPTIMER_TOOLCHAIN is '$toolchain': set it to gcc or llvm" ;;
esac
readonly packages unpack_more

# recipe_key PART...: prints the key of the root that has these packages, and unpacks more.
recipe_key() {
	printf '%s\n' "$suite" "$mirror" "${series[@]}" "$@" "${file_filters[@]}" "$unpack_kernels" |
		sha256sum | cut -c1-12
}

key=$(recipe_key "${packages[@]}" ${unpack_more:+"$unpack_more"})
readonly key
