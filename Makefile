# SPDX-License-Identifier: GPL-2.0
# Two commands matter: "make demo" and "make check". "make help" lists the others.

# Which of Debian's kernels to build for and to boot.
SERIES ?= 7.3
# Another kernel build tree to build for, on this host as it is. Only from the command line: kernel
# developers have one in their environment, which is not meant for "make check".
ifneq ($(origin KDIR),command line)
override KDIR :=
endif
# Which debug kernel to build for and to boot: kasan or kcsan.
FLAVOUR ?=
# Where the module's sources are, and where its objects go.
SOURCE := $(CURDIR)
OUT := $(CURDIR)/build/$(if $(KDIR),kdir,$(or $(FLAVOUR),$(SERIES)))

ifneq ($(words $(CURDIR)),1)
$(error Kbuild cannot build in "$(CURDIR)": move the checkout to a path without blanks)
endif

BUILDROOT := tools/buildroot
BIN := build/cargo/x86_64-unknown-linux-gnu/release
# Programs in C that the selftest "abi" runs.
ABI := build/abi
MAKE_ABI := make -s --no-print-directory -C selftests/abi OUT=$(CURDIR)/$(ABI)
ABI_FILES = $(if $(filter abi,$(TESTS)),--file $(ABI)/abi32 --file $(ABI)/abi64)
VM = SLEEPTIMER_ROOT=$$($(BUILDROOT) path) $(BIN)/vm

# Kernels with checkers are slow: on a busy host, a reader of RCU that was preempted may not come back for the
# 21 s that they allow.
PATIENT := rcupdate.rcu_cpu_stall_timeout=100

# Debug kernels are built with clang, which has a root of its own.
LLVM_BUILDROOT := SLEEPTIMER_TOOLCHAIN=llvm $(BUILDROOT)
DEBUG_KERNEL = $(BIN)/debug-kernel prepare $(or $(FLAVOUR),$(error give FLAVOUR=kasan or FLAVOUR=kcsan))
# no5lvl: an interrupt while the boot processor is identified, when it does not know for a moment that it
# has five levels of page tables, has KASAN take every address for a wild one.
DEBUG_LINE_kasan := slab_debug=FZU kasan_multi_shot no5lvl $(PATIENT)
DEBUG_LINE_kcsan := $(PATIENT)

include selftests/programs.mk
# Names of selftest programs to run.
TESTS ?= $(SELFTESTS)

# What a build of the module passes on to Kbuild.
KBUILD_VARS = $(foreach v,LLVM CLIPPY COVERAGE KRUSTFLAGS KCFLAGS V,$(if $($(v)),$(v)='$($(v))'))
KBUILD = $(MAKE) -C $(1) M=$(SOURCE) MO=$(OUT) $(KBUILD_VARS)

# Targets are lists of steps, each of which may be parallel inside.
.NOTPARALLEL:
.PHONY: help demo check check-debug mutants modules vm userland uapi fmt clean distclean \
	run-demo run-selftests run-races check-panics check-style check-abi check-vm in-root-modules \
	in-root-check-style debug-kernels modules-debug run-debug in-root-modules-debug run-kselftest \
	in-root-kselftest coverage report-coverage fuzz fuzz-corpus fuzzer run-fuzz soak run-soak \
	bench bench-guest floor run-bench

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "Variables: SERIES=7.3|7.2, FLAVOUR=kasan|kcsan, KDIR=/a/kernel/build/tree [LLVM=1], ACCEL=kvm|tcg,"
	@echo "  SLEEPTIMER_CACHE, SLEEPTIMER_MIRROR, SLEEPTIMER_SUITE: see tools/README.md"

demo: userland modules ## From nothing to timers that fire in a virtual machine
	@$(MAKE) --no-print-directory run-demo

# Where CI is set, that is with the KASAN kernel too; building both would take too long there.
check: userland ## Run every check and count them: what has to pass before a change is good
	@$(BIN)/check $(if $(CI),--kernels all --flavours kasan) $(CHECK_ARGS)

check-debug: userland ## Run the selftests in kernels with KASAN, lockdep, kmemleak and KCSAN
	@$(BIN)/check --kernels debug $(CHECK_ARGS)

mutants: userland ## Put faults into copies of the module: the selftests have to find each (hours)
	@$(BIN)/check --mutants $(CHECK_ARGS)

ifeq ($(KDIR),)
modules: userland ## Build sleeptimer.ko, for a kernel of Debian's or for KDIR
	@$(BUILDROOT) run -- make -j$$(nproc) --no-print-directory in-root-modules SERIES=$(SERIES) \
		SOURCE=$(SOURCE) OUT=$(OUT) $(KBUILD_VARS)
else
modules:
	@tools/check-kdir $(KDIR)
	@mkdir -p $(OUT) && rm -f $(OUT)/sleeptimer.ko
	+$(call KBUILD,$(KDIR)) modules
endif
	@echo "built $(OUT)/sleeptimer.ko"

# An old module must not survive a build that fails.
in-root-modules:
	@mkdir -p $(OUT) && rm -f $(OUT)/*.ko
	+@kdir=$$($(BIN)/rust-headers prepare --series $(SERIES)) && \
		$(call KBUILD,$$kdir) $(if $(CLIPPY),CLIPPY_CONF_DIR=$$kdir/source-tools) modules

userland: ## Build the programs: tools, tests and samples
	@$(BUILDROOT) run -- cargo build --release --workspace --exclude sleeptimer-fuzz --bins --quiet
	@mkdir -p $(ABI) && $(BUILDROOT) run -- $(MAKE_ABI)

vm: userland modules ## An interactive shell in a virtual machine, with the module loaded
	@$(BUILDROOT) host-tools
	@$(VM) shell --series $(SERIES) --module $(OUT)/sleeptimer.ko --file $(BIN)/demo

run-demo:
	@$(BUILDROOT) host-tools
	@$(VM) run --series $(SERIES) --file $(OUT)/sleeptimer.ko:/lib/sleeptimer.ko \
		--file $(BIN)/demo -- demo /lib/sleeptimer.ko

# MEMORY: of the machine, in MiB; MODE: icount for one that counts instructions; SETTINGS: variables for
# the programs, as NAME=VALUE.
run-selftests:
	@$(BUILDROOT) host-tools
	@$(if $(COVERAGE),$(COLLECT)) $(VM) run --series $(SERIES) \
		--file $(OUT)/sleeptimer.ko:/lib/sleeptimer.ko --timeout $(or $(TIMEOUT),600) \
		$(if $(COVERAGE),--module $(OUT)/tools/coverage/collector.ko) \
		$(if $(MEMORY),--memory $(MEMORY)) $(if $(MODE),--mode $(MODE)) \
		$(foreach t,run_selftests $(TESTS),--file $(BIN)/$(t)) $(ABI_FILES) \
		-- run_selftests $(if $(COVERAGE),--counters) $(SETTINGS) /lib/sleeptimer.ko $(TESTS:%=/bin/%)

# COVERAGE has the module count what it executes.
COVERAGE_OUT := $(CURDIR)/build/coverage
COVERAGE_OF = --module $(COVERAGE_OUT)/module/sleeptimer.ko --profile $(COVERAGE_OUT)/selftests.profraw
COLLECT = $(BIN)/coverage collect $(COVERAGE_OF) -- env
coverage: userland ## Tell which lines of the module the selftests reach
	@$(MAKE) --no-print-directory modules run-selftests COVERAGE=1 OUT=$(COVERAGE_OUT)/module \
		TIMEOUT=$(or $(TIMEOUT),1800)
	@$(MAKE) --no-print-directory report-coverage

# Of the last run; of one in which a test has failed, too.
report-coverage:
	@$(LLVM_BUILDROOT) run -- $(BIN)/coverage report $(COVERAGE_OF) --sources $(CURDIR)/rust \
		--reasons Documentation/testing.rst --output $(COVERAGE_OUT)

# As the kernel's own kselftest has it: the programs are installed with its runner, and run by that.
KSELFTEST := $(CURDIR)/build/kselftest-installed
run-kselftest:
	@$(BUILDROOT) host-tools
	@$(BUILDROOT) run -- make --no-print-directory in-root-kselftest SERIES=$(SERIES)
	@$(VM) run --series $(SERIES) --busybox --module $(OUT)/sleeptimer.ko --memory 1024 --timeout 600 \
		--file $(OUT)/sleeptimer.ko:/lib/sleeptimer.ko --file $(KSELFTEST):/kselftest \
		-- env SLEEPTIMER_MODULE=/lib/sleeptimer.ko sh /kselftest/run_kselftest.sh

KSELFTEST_SOURCE = $(CURDIR)/build/kselftest-$(SERIES)/linux-source-$(SERIES)/tools/testing/selftests
in-root-kselftest:
	@rm -rf $(KSELFTEST) && mkdir -p build/kselftest-$(SERIES) $(KSELFTEST)
	@[ -e $(KSELFTEST_SOURCE)/lib.mk ] || tar -C build/kselftest-$(SERIES) --wildcards -xf \
		/usr/src/linux-source-$(SERIES).tar.xz '*/tools/testing/selftests/lib.mk' \
		'*/tools/testing/selftests/kselftest/*' '*/tools/testing/selftests/run_kselftest.sh'
	@make -s -C selftests KSRC=$(KSELFTEST_SOURCE)/../../.. install INSTALL_PATH=$(KSELFTEST)/sleeptimer
	@make -s -C selftests KSRC=$(KSELFTEST_SOURCE)/../../.. emit_tests >$(KSELFTEST)/kselftest-list.txt
	@cp -r $(KSELFTEST_SOURCE)/kselftest $(KSELFTEST_SOURCE)/run_kselftest.sh $(KSELFTEST)

# STEP: how many instructions apart calls meet.
STEP ?= 499
run-races: ## Have calls meet at chosen instructions, in a machine that counts them
	@$(BUILDROOT) host-tools
	@SLEEPTIMER_ROOT=$$($(BUILDROOT) path) tools/same-twice $(BIN)/vm run --mode icount \
		--series $(SERIES) --file $(OUT)/sleeptimer.ko:/lib/sleeptimer.ko --timeout 7200 \
		$(foreach t,run_selftests race_sweep,--file $(BIN)/$(t)) \
		-- run_selftests SWEEP_STEP=$(STEP) /lib/sleeptimer.ko /bin/race_sweep

# LIVE: how many timers are armed; RUNS: how many machines have to measure the same; BENCH_ARGS: more for
# bench_guest.
LIVE := 1,1000,100000
RUNS := 3
bench: userland modules floor bench-guest ## Measure what operations cost, beside timerfd and others, in instructions
	@$(MAKE) --no-print-directory run-bench BENCH_GUEST=$(BENCH_BPF)/bench_guest

# Contenders in BPF take clang, and libraries: they are left out of other builds. The libraries are where
# compilers look for them, and pkg-config, which the root lacks, would say no more.
BENCH_BPF := build/cargo/bpf/x86_64-unknown-linux-gnu/release
bench-guest:
	@$(LLVM_BUILDROOT) run -- env PKG_CONFIG=true LIBBPF_SYS_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu \
		cargo build --release --package sleeptimer-bench --features bpf --bin bench_guest \
		--target-dir build/cargo/bpf --quiet

# A module of the benchmark's own, which calls the kernel's timers and has nothing of ours.
FLOOR := $(OUT)/floor
floor:
	@$(BUILDROOT) run -- make -j$$(nproc) --no-print-directory in-root-modules SERIES=$(SERIES) \
		SOURCE=$(SOURCE)/bench/floor OUT=$(FLOOR) $(KBUILD_VARS)

BENCH_GUEST := $(BIN)/bench_guest
run-bench:
	@$(BUILDROOT) host-tools
	@$(BIN)/bench_report --out build/bench --runs $(RUNS) -- env $(VM) run --mode icount --smp 1 --memory 4096 \
		--timeout 7200 --series $(SERIES) --module $(OUT)/sleeptimer.ko \
		--module $(FLOOR)/sleeptimer_floor.ko --file $(BENCH_GUEST) \
		-- bench_guest --live $(LIVE) $(BENCH_ARGS)

FLAVOURS := kasan kcsan
debug-kernels: userland ## Build the kernels with sanitizers and other checkers (once, half an hour)
	@for flavour in $(FLAVOURS); do \
		$(LLVM_BUILDROOT) run -- $(BIN)/debug-kernel prepare $$flavour || exit; done

modules-debug: userland ## Build sleeptimer.ko for a debug kernel: FLAVOUR=kasan|kcsan
	@$(LLVM_BUILDROOT) run -- make -j$$(nproc) --no-print-directory in-root-modules-debug FLAVOUR=$(FLAVOUR) \
		SOURCE=$(SOURCE) OUT=$(OUT) $(KBUILD_VARS)
	@echo "built $(OUT)/sleeptimer.ko"

in-root-modules-debug:
	@mkdir -p $(OUT) && rm -f $(OUT)/sleeptimer.ko
	+@kdir=$$($(DEBUG_KERNEL)) && $(call KBUILD,$$kdir) LLVM=-19 modules

# SETTINGS: as above.
run-debug:
	@$(BUILDROOT) host-tools
	@kdir=$$($(LLVM_BUILDROOT) run -- $(DEBUG_KERNEL)) && \
		$(VM) run --kernel $$kdir/bzImage --append '$(DEBUG_LINE_$(FLAVOUR))' --memory 1024 \
		--file $(OUT)/sleeptimer.ko:/lib/sleeptimer.ko --timeout 2400 \
		$(foreach t,run_selftests $(TESTS),--file $(BIN)/$(t)) $(ABI_FILES) \
		-- run_selftests $(if $(filter kasan,$(FLAVOUR)),--kmemleak) $(SETTINGS) \
		/lib/sleeptimer.ko $(TESTS:%=/bin/%)

fuzz: fuzzer ## Fuzz the module in the kasan kernel: MINUTES=1 [REPLAY=input]
	@$(MAKE) --no-print-directory modules-debug run-fuzz FLAVOUR=kasan

# The fuzzer takes a library that nothing else needs, and minutes to build.
fuzzer: userland
	@$(BUILDROOT) run -- cargo build --release --package sleeptimer-fuzz --quiet

# MINUTES: how long, after the corpus; REPLAY: an input, to run again and again; FLAVOUR: none for a stock kernel, of
# which the coverage is not seen. New inputs are saved in SAVE.
MINUTES := 1
CORPUS := selftests/fuzz/corpus
SAVE := build/fuzz
FUZZ_ARGS = --module /lib/sleeptimer.ko --seconds $$(($(MINUTES) * 60)) $(if $(MINIMISE),--minimise) \
	$(if $(REPLAY),--replay $(REPLAY),--corpus /corpus) $(if $(filter kasan,$(FLAVOUR)),--kmemleak)
run-fuzz:
	@$(BUILDROOT) host-tools
	@$(if $(FLAVOUR),kdir=$$($(LLVM_BUILDROOT) run -- $(DEBUG_KERNEL)) &&) \
		$(BIN)/fuzz_collect $(SAVE) env $(VM) run --memory 1024 --timeout $$(($(MINUTES) * 120 + 900)) \
		$(if $(FLAVOUR),--kernel $$kdir/bzImage --append '$(DEBUG_LINE_$(FLAVOUR))',--series $(SERIES)) \
		--file $(OUT)/sleeptimer.ko:/lib/sleeptimer.ko --file $(BIN)/fuzz_device \
		--file $(CORPUS):/corpus -- fuzz_device $(FUZZ_ARGS)

# Each input of the corpus does what no shorter one does.
fuzz-corpus: ## Add what "make fuzz" has saved to the corpus, and take out what adds nothing
	@rm -rf build/fuzz-all build/fuzz-kept && mkdir -p build/fuzz-all
	@find $(CORPUS) build/fuzz -type f -exec cp -t build/fuzz-all {} +
	@$(MAKE) --no-print-directory fuzz MINUTES=30 MINIMISE=1 CORPUS=build/fuzz-all SAVE=build/fuzz-kept
	@rm -rf $(CORPUS) && cp -r build/fuzz-kept $(CORPUS)

# KERNELS: on which, one after the other, also if one fails.
KERNELS := 7.3 7.2 kasan kcsan
soak: userland ## Keep the module busy beside other load, and plot it: MINUTES=1 [KERNELS="7.3 kasan"]
	@failed=0; for kernel in $(KERNELS); do \
		case $$kernel in \
		kasan | kcsan) set -- modules-debug run-soak FLAVOUR=$$kernel ;; \
		*) set -- modules run-soak SERIES=$$kernel ;; \
		esac; \
		$(MAKE) --no-print-directory "$$@" || failed=1; \
	done; exit $$failed

# BESIDE: a command of the root's that runs at the same time, or nothing. The machine may be half as fast
# as its host, and warms up first.
BESIDE := stress-ng --quiet --cpu 1 --vm 1 --vm-bytes 64M --fork 1 --futex 1 --io 1 --timer 1 --timer-freq 1000
SOAK := $(or $(FLAVOUR),$(SERIES))
run-soak:
	@$(BUILDROOT) host-tools
	@$(if $(FLAVOUR),kdir=$$($(LLVM_BUILDROOT) run -- $(DEBUG_KERNEL)) &&) \
		$(BIN)/soak-plot --out build/soak/$(SOAK) --title 'soak of $(MINUTES) min, $(SOAK)' -- \
		env $(VM) run --memory 1024 --timeout $$(($(MINUTES) * 120 + 900)) \
		$(if $(FLAVOUR),--kernel $$kdir/bzImage --append '$(DEBUG_LINE_$(FLAVOUR))',--series $(SERIES)) \
		--file $(OUT)/sleeptimer.ko:/lib/sleeptimer.ko --file $(BIN)/run_selftests --file $(BIN)/soak \
		$(addprefix --program ,$(firstword $(BESIDE))) \
		-- run_selftests $(if $(filter kasan,$(FLAVOUR)),--kmemleak) SOAK_SECONDS=$$(($(MINUTES) * 60)) \
		$(if $(BESIDE),'SOAK_BESIDE=$(BESIDE)') /lib/sleeptimer.ko /bin/soak

check-panics:
	@$(BUILDROOT) run -- tools/check-panics $(OUT)/sleeptimer.ko

check-style:
	@$(BUILDROOT) run -- make --no-print-directory in-root-check-style SERIES=$(SERIES)

in-root-check-style:
	@tools/check-style $$($(BIN)/rust-headers prepare --series $(SERIES))/source-tools

check-abi:
	@$(BUILDROOT) run -- $(MAKE_ABI) layout

# The tests of the machine runner need QEMU, which the host has: built in the root, run here.
# VM_TESTS: parts of names, to run only these.
check-vm:
	@$(BUILDROOT) host-tools
	@$(BUILDROOT) run -- cargo build --quiet --package guest-init
	@test=$$($(BUILDROOT) run -- cargo test --quiet --no-run --package vm --features guest-tests \
		--test guest --message-format=json | \
		sed -n 's/.*"executable":"\([^"]*\/guest-[^"]*\)".*/\1/p') && \
		SLEEPTIMER_ROOT=$$($(BUILDROOT) path) "$$test" --test-threads 4 $(VM_TESTS)

uapi: ## Generate the Rust side of the ABI from the header
	@$(BUILDROOT) run -- sh -c 'tools/uapi-bindings >build/uapi.rs && \
		mv build/uapi.rs crates/sleeptimer-sys/src/bindings.rs'

fmt: ## Format all Rust code
	@$(BUILDROOT) run -- sh -c 'cargo fmt --all && rustfmt rust/sleeptimer_main.rs'

clean: ## Remove what was built for kernels, and logs
	rm -rf $(filter-out build/cargo,$(wildcard build/*))

distclean: ## Remove all that was built here; "tools/buildroot prune --all" removes the cache too
	rm -rf build target
