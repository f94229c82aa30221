// SPDX-License-Identifier: GPL-2.0
// Generated from include/uapi/linux/sleeptimer.h by "make uapi". Do not edit.

pub const SLEEPTIMER_MAX_TIMERS: u32 = 16777216;
pub const SLEEPTIMER_MAX_PROGRAMS: u32 = 4095;
pub const SLEEPTIMER_MAX_EVENTS: u32 = 1048576;
pub const SLEEPTIMER_MAX_STEPS: u32 = 16;
pub const SLEEPTIMER_MAX_WRITE: u32 = 4096;
pub const SLEEPTIMER_MAX_OPS: u32 = 1048576;
pub const SLEEPTIMER_HANDLE_LAST: u32 = 0;
pub const SLEEPTIMER_IOC_MAGIC: u32 = 218;
pub type __u8 = ::core::ffi::c_uchar;
pub type __s32 = ::core::ffi::c_int;
pub type __u32 = ::core::ffi::c_uint;
pub type __u64 = ::core::ffi::c_ulonglong;
pub const SLEEPTIMER_FEATURE_SUBMIT: sleeptimer_features = 1;
pub const SLEEPTIMER_FEATURE_QUERY: sleeptimer_features = 2;
pub const SLEEPTIMER_FEATURE_MMAP: sleeptimer_features = 4;
pub const SLEEPTIMER_FEATURE_EVENTFD: sleeptimer_features = 8;
pub const SLEEPTIMER_FEATURE_FILES: sleeptimer_features = 16;
pub type sleeptimer_features = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_info {
    pub features: __u64,
    pub resolution_ns: __u64,
    pub min_period_ns: __u64,
    pub max_sleep_ns: __u64,
    pub max_timers: __u32,
    pub max_programs: __u32,
    pub max_events: __u32,
    pub max_steps: __u32,
    pub event_size: __u32,
    pub timer_size: __u32,
    pub max_write: __u32,
    pub max_ops: __u32,
    pub reserved: [__u64; 4usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_info"][::core::mem::size_of::<sleeptimer_info>() - 96usize];
    ["Alignment of sleeptimer_info"][::core::mem::align_of::<sleeptimer_info>() - 8usize];
    ["Offset of field: sleeptimer_info::features"]
        [::core::mem::offset_of!(sleeptimer_info, features) - 0usize];
    ["Offset of field: sleeptimer_info::resolution_ns"]
        [::core::mem::offset_of!(sleeptimer_info, resolution_ns) - 8usize];
    ["Offset of field: sleeptimer_info::min_period_ns"]
        [::core::mem::offset_of!(sleeptimer_info, min_period_ns) - 16usize];
    ["Offset of field: sleeptimer_info::max_sleep_ns"]
        [::core::mem::offset_of!(sleeptimer_info, max_sleep_ns) - 24usize];
    ["Offset of field: sleeptimer_info::max_timers"]
        [::core::mem::offset_of!(sleeptimer_info, max_timers) - 32usize];
    ["Offset of field: sleeptimer_info::max_programs"]
        [::core::mem::offset_of!(sleeptimer_info, max_programs) - 36usize];
    ["Offset of field: sleeptimer_info::max_events"]
        [::core::mem::offset_of!(sleeptimer_info, max_events) - 40usize];
    ["Offset of field: sleeptimer_info::max_steps"]
        [::core::mem::offset_of!(sleeptimer_info, max_steps) - 44usize];
    ["Offset of field: sleeptimer_info::event_size"]
        [::core::mem::offset_of!(sleeptimer_info, event_size) - 48usize];
    ["Offset of field: sleeptimer_info::timer_size"]
        [::core::mem::offset_of!(sleeptimer_info, timer_size) - 52usize];
    ["Offset of field: sleeptimer_info::max_write"]
        [::core::mem::offset_of!(sleeptimer_info, max_write) - 56usize];
    ["Offset of field: sleeptimer_info::max_ops"]
        [::core::mem::offset_of!(sleeptimer_info, max_ops) - 60usize];
    ["Offset of field: sleeptimer_info::reserved"]
        [::core::mem::offset_of!(sleeptimer_info, reserved) - 64usize];
};
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_setup {
    pub max_timers: __u32,
    pub max_programs: __u32,
    pub max_events: __u32,
    pub flags: __u32,
    pub reserved: [__u64; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_setup"][::core::mem::size_of::<sleeptimer_setup>() - 32usize];
    ["Alignment of sleeptimer_setup"][::core::mem::align_of::<sleeptimer_setup>() - 8usize];
    ["Offset of field: sleeptimer_setup::max_timers"]
        [::core::mem::offset_of!(sleeptimer_setup, max_timers) - 0usize];
    ["Offset of field: sleeptimer_setup::max_programs"]
        [::core::mem::offset_of!(sleeptimer_setup, max_programs) - 4usize];
    ["Offset of field: sleeptimer_setup::max_events"]
        [::core::mem::offset_of!(sleeptimer_setup, max_events) - 8usize];
    ["Offset of field: sleeptimer_setup::flags"]
        [::core::mem::offset_of!(sleeptimer_setup, flags) - 12usize];
    ["Offset of field: sleeptimer_setup::reserved"]
        [::core::mem::offset_of!(sleeptimer_setup, reserved) - 16usize];
};
pub const SLEEPTIMER_STEP_EVENT: sleeptimer_step_op = 1;
pub const SLEEPTIMER_STEP_SLEEP: sleeptimer_step_op = 2;
pub const SLEEPTIMER_STEP_EVENTFD: sleeptimer_step_op = 3;
pub const SLEEPTIMER_STEP_WRITE: sleeptimer_step_op = 4;
pub const SLEEPTIMER_STEP_FSYNC: sleeptimer_step_op = 5;
pub const SLEEPTIMER_STEP_FDATASYNC: sleeptimer_step_op = 6;
pub type sleeptimer_step_op = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_step {
    pub op: __u32,
    pub flags: __u32,
    pub arg: __u64,
    pub len: __u32,
    pub fd: __s32,
    pub offset: __u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_step"][::core::mem::size_of::<sleeptimer_step>() - 32usize];
    ["Alignment of sleeptimer_step"][::core::mem::align_of::<sleeptimer_step>() - 8usize];
    ["Offset of field: sleeptimer_step::op"][::core::mem::offset_of!(sleeptimer_step, op) - 0usize];
    ["Offset of field: sleeptimer_step::flags"]
        [::core::mem::offset_of!(sleeptimer_step, flags) - 4usize];
    ["Offset of field: sleeptimer_step::arg"]
        [::core::mem::offset_of!(sleeptimer_step, arg) - 8usize];
    ["Offset of field: sleeptimer_step::len"]
        [::core::mem::offset_of!(sleeptimer_step, len) - 16usize];
    ["Offset of field: sleeptimer_step::fd"]
        [::core::mem::offset_of!(sleeptimer_step, fd) - 20usize];
    ["Offset of field: sleeptimer_step::offset"]
        [::core::mem::offset_of!(sleeptimer_step, offset) - 24usize];
};
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_program_create {
    pub steps: __u64,
    pub nr_steps: __u32,
    pub flags: __u32,
    pub reserved: __u64,
    pub program: __u32,
    pub pad: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_program_create"]
        [::core::mem::size_of::<sleeptimer_program_create>() - 32usize];
    ["Alignment of sleeptimer_program_create"]
        [::core::mem::align_of::<sleeptimer_program_create>() - 8usize];
    ["Offset of field: sleeptimer_program_create::steps"]
        [::core::mem::offset_of!(sleeptimer_program_create, steps) - 0usize];
    ["Offset of field: sleeptimer_program_create::nr_steps"]
        [::core::mem::offset_of!(sleeptimer_program_create, nr_steps) - 8usize];
    ["Offset of field: sleeptimer_program_create::flags"]
        [::core::mem::offset_of!(sleeptimer_program_create, flags) - 12usize];
    ["Offset of field: sleeptimer_program_create::reserved"]
        [::core::mem::offset_of!(sleeptimer_program_create, reserved) - 16usize];
    ["Offset of field: sleeptimer_program_create::program"]
        [::core::mem::offset_of!(sleeptimer_program_create, program) - 24usize];
    ["Offset of field: sleeptimer_program_create::pad"]
        [::core::mem::offset_of!(sleeptimer_program_create, pad) - 28usize];
};
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_program_ref {
    pub program: __u32,
    pub flags: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_program_ref"][::core::mem::size_of::<sleeptimer_program_ref>() - 8usize];
    ["Alignment of sleeptimer_program_ref"]
        [::core::mem::align_of::<sleeptimer_program_ref>() - 4usize];
    ["Offset of field: sleeptimer_program_ref::program"]
        [::core::mem::offset_of!(sleeptimer_program_ref, program) - 0usize];
    ["Offset of field: sleeptimer_program_ref::flags"]
        [::core::mem::offset_of!(sleeptimer_program_ref, flags) - 4usize];
};
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_step_status {
    pub failures: __u64,
    pub last_error: __u32,
    pub pad: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_step_status"][::core::mem::size_of::<sleeptimer_step_status>() - 16usize];
    ["Alignment of sleeptimer_step_status"]
        [::core::mem::align_of::<sleeptimer_step_status>() - 8usize];
    ["Offset of field: sleeptimer_step_status::failures"]
        [::core::mem::offset_of!(sleeptimer_step_status, failures) - 0usize];
    ["Offset of field: sleeptimer_step_status::last_error"]
        [::core::mem::offset_of!(sleeptimer_step_status, last_error) - 8usize];
    ["Offset of field: sleeptimer_step_status::pad"]
        [::core::mem::offset_of!(sleeptimer_step_status, pad) - 12usize];
};
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_program_query {
    pub status: __u64,
    pub nr_status: __u32,
    pub program: __u32,
    pub flags: __u32,
    pub reserved: __u32,
    pub nr_steps: __u32,
    pub pad: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_program_query"]
        [::core::mem::size_of::<sleeptimer_program_query>() - 32usize];
    ["Alignment of sleeptimer_program_query"]
        [::core::mem::align_of::<sleeptimer_program_query>() - 8usize];
    ["Offset of field: sleeptimer_program_query::status"]
        [::core::mem::offset_of!(sleeptimer_program_query, status) - 0usize];
    ["Offset of field: sleeptimer_program_query::nr_status"]
        [::core::mem::offset_of!(sleeptimer_program_query, nr_status) - 8usize];
    ["Offset of field: sleeptimer_program_query::program"]
        [::core::mem::offset_of!(sleeptimer_program_query, program) - 12usize];
    ["Offset of field: sleeptimer_program_query::flags"]
        [::core::mem::offset_of!(sleeptimer_program_query, flags) - 16usize];
    ["Offset of field: sleeptimer_program_query::reserved"]
        [::core::mem::offset_of!(sleeptimer_program_query, reserved) - 20usize];
    ["Offset of field: sleeptimer_program_query::nr_steps"]
        [::core::mem::offset_of!(sleeptimer_program_query, nr_steps) - 24usize];
    ["Offset of field: sleeptimer_program_query::pad"]
        [::core::mem::offset_of!(sleeptimer_program_query, pad) - 28usize];
};
pub const SLEEPTIMER_TIMER_SLEEPABLE: sleeptimer_init_flags = 1;
pub const SLEEPTIMER_DELAYED_WQ_HIGHRES: sleeptimer_init_flags = 1;
pub type sleeptimer_init_flags = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_init {
    pub clock: __u32,
    pub flags: __u32,
    pub user_data: __u64,
    pub reserved: __u64,
    pub handle: __u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_init"][::core::mem::size_of::<sleeptimer_init>() - 32usize];
    ["Alignment of sleeptimer_init"][::core::mem::align_of::<sleeptimer_init>() - 8usize];
    ["Offset of field: sleeptimer_init::clock"]
        [::core::mem::offset_of!(sleeptimer_init, clock) - 0usize];
    ["Offset of field: sleeptimer_init::flags"]
        [::core::mem::offset_of!(sleeptimer_init, flags) - 4usize];
    ["Offset of field: sleeptimer_init::user_data"]
        [::core::mem::offset_of!(sleeptimer_init, user_data) - 8usize];
    ["Offset of field: sleeptimer_init::reserved"]
        [::core::mem::offset_of!(sleeptimer_init, reserved) - 16usize];
    ["Offset of field: sleeptimer_init::handle"]
        [::core::mem::offset_of!(sleeptimer_init, handle) - 24usize];
};
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_set_callback {
    pub handle: __u64,
    pub program: __u32,
    pub flags: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_set_callback"]
        [::core::mem::size_of::<sleeptimer_set_callback>() - 16usize];
    ["Alignment of sleeptimer_set_callback"]
        [::core::mem::align_of::<sleeptimer_set_callback>() - 8usize];
    ["Offset of field: sleeptimer_set_callback::handle"]
        [::core::mem::offset_of!(sleeptimer_set_callback, handle) - 0usize];
    ["Offset of field: sleeptimer_set_callback::program"]
        [::core::mem::offset_of!(sleeptimer_set_callback, program) - 8usize];
    ["Offset of field: sleeptimer_set_callback::flags"]
        [::core::mem::offset_of!(sleeptimer_set_callback, flags) - 12usize];
};
pub const SLEEPTIMER_START_ABS: sleeptimer_start_flags = 1;
pub const SLEEPTIMER_START_CPU_PIN: sleeptimer_start_flags = 2;
pub const SLEEPTIMER_START_CPU: sleeptimer_start_flags = 8;
pub type sleeptimer_start_flags = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_start {
    pub handle: __u64,
    pub expires_ns: __u64,
    pub flags: __u32,
    pub cpu: __u32,
    pub slack_ns: __u64,
    pub period_ns: __u64,
    pub reserved: __u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_start"][::core::mem::size_of::<sleeptimer_start>() - 48usize];
    ["Alignment of sleeptimer_start"][::core::mem::align_of::<sleeptimer_start>() - 8usize];
    ["Offset of field: sleeptimer_start::handle"]
        [::core::mem::offset_of!(sleeptimer_start, handle) - 0usize];
    ["Offset of field: sleeptimer_start::expires_ns"]
        [::core::mem::offset_of!(sleeptimer_start, expires_ns) - 8usize];
    ["Offset of field: sleeptimer_start::flags"]
        [::core::mem::offset_of!(sleeptimer_start, flags) - 16usize];
    ["Offset of field: sleeptimer_start::cpu"]
        [::core::mem::offset_of!(sleeptimer_start, cpu) - 20usize];
    ["Offset of field: sleeptimer_start::slack_ns"]
        [::core::mem::offset_of!(sleeptimer_start, slack_ns) - 24usize];
    ["Offset of field: sleeptimer_start::period_ns"]
        [::core::mem::offset_of!(sleeptimer_start, period_ns) - 32usize];
    ["Offset of field: sleeptimer_start::reserved"]
        [::core::mem::offset_of!(sleeptimer_start, reserved) - 40usize];
};
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_ref {
    pub handle: __u64,
    pub flags: __u32,
    pub pad: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_ref"][::core::mem::size_of::<sleeptimer_ref>() - 16usize];
    ["Alignment of sleeptimer_ref"][::core::mem::align_of::<sleeptimer_ref>() - 8usize];
    ["Offset of field: sleeptimer_ref::handle"]
        [::core::mem::offset_of!(sleeptimer_ref, handle) - 0usize];
    ["Offset of field: sleeptimer_ref::flags"]
        [::core::mem::offset_of!(sleeptimer_ref, flags) - 8usize];
    ["Offset of field: sleeptimer_ref::pad"]
        [::core::mem::offset_of!(sleeptimer_ref, pad) - 12usize];
};
pub const SLEEPTIMER_KIND_TIMER: sleeptimer_kind = 1;
pub const SLEEPTIMER_KIND_SLEEPABLE_TIMER: sleeptimer_kind = 2;
pub const SLEEPTIMER_KIND_WQ: sleeptimer_kind = 3;
pub const SLEEPTIMER_KIND_DELAYED_WQ: sleeptimer_kind = 4;
pub const SLEEPTIMER_KIND_HIGHRES_DELAYED_WQ: sleeptimer_kind = 5;
pub type sleeptimer_kind = ::core::ffi::c_uint;
pub const SLEEPTIMER_STATE_ARMED: sleeptimer_state = 1;
pub const SLEEPTIMER_STATE_RUNNING: sleeptimer_state = 2;
pub type sleeptimer_state = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_query {
    pub handle: __u64,
    pub flags: __u32,
    pub reserved: __u32,
    pub user_data: __u64,
    pub expires_ns: __u64,
    pub remaining_ns: __u64,
    pub period_ns: __u64,
    pub backlog: __u64,
    pub kind: __u32,
    pub clock: __u32,
    pub state: __u32,
    pub pad: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_query"][::core::mem::size_of::<sleeptimer_query>() - 72usize];
    ["Alignment of sleeptimer_query"][::core::mem::align_of::<sleeptimer_query>() - 8usize];
    ["Offset of field: sleeptimer_query::handle"]
        [::core::mem::offset_of!(sleeptimer_query, handle) - 0usize];
    ["Offset of field: sleeptimer_query::flags"]
        [::core::mem::offset_of!(sleeptimer_query, flags) - 8usize];
    ["Offset of field: sleeptimer_query::reserved"]
        [::core::mem::offset_of!(sleeptimer_query, reserved) - 12usize];
    ["Offset of field: sleeptimer_query::user_data"]
        [::core::mem::offset_of!(sleeptimer_query, user_data) - 16usize];
    ["Offset of field: sleeptimer_query::expires_ns"]
        [::core::mem::offset_of!(sleeptimer_query, expires_ns) - 24usize];
    ["Offset of field: sleeptimer_query::remaining_ns"]
        [::core::mem::offset_of!(sleeptimer_query, remaining_ns) - 32usize];
    ["Offset of field: sleeptimer_query::period_ns"]
        [::core::mem::offset_of!(sleeptimer_query, period_ns) - 40usize];
    ["Offset of field: sleeptimer_query::backlog"]
        [::core::mem::offset_of!(sleeptimer_query, backlog) - 48usize];
    ["Offset of field: sleeptimer_query::kind"]
        [::core::mem::offset_of!(sleeptimer_query, kind) - 56usize];
    ["Offset of field: sleeptimer_query::clock"]
        [::core::mem::offset_of!(sleeptimer_query, clock) - 60usize];
    ["Offset of field: sleeptimer_query::state"]
        [::core::mem::offset_of!(sleeptimer_query, state) - 64usize];
    ["Offset of field: sleeptimer_query::pad"]
        [::core::mem::offset_of!(sleeptimer_query, pad) - 68usize];
};
pub const SLEEPTIMER_OP_TIMER_INIT: sleeptimer_opcode = 16;
pub const SLEEPTIMER_OP_TIMER_SET_CALLBACK: sleeptimer_opcode = 17;
pub const SLEEPTIMER_OP_TIMER_SET_SLEEPABLE_CB: sleeptimer_opcode = 18;
pub const SLEEPTIMER_OP_TIMER_START: sleeptimer_opcode = 19;
pub const SLEEPTIMER_OP_TIMER_CANCEL: sleeptimer_opcode = 20;
pub const SLEEPTIMER_OP_TIMER_CANCEL_NO_DROP: sleeptimer_opcode = 21;
pub const SLEEPTIMER_OP_TIMER_CANCEL_ASYNC: sleeptimer_opcode = 22;
pub const SLEEPTIMER_OP_WQ_INIT: sleeptimer_opcode = 32;
pub const SLEEPTIMER_OP_WQ_SET_CALLBACK: sleeptimer_opcode = 33;
pub const SLEEPTIMER_OP_WQ_START: sleeptimer_opcode = 34;
pub const SLEEPTIMER_OP_WQ_CANCEL: sleeptimer_opcode = 35;
pub const SLEEPTIMER_OP_DELAYED_WQ_INIT: sleeptimer_opcode = 48;
pub const SLEEPTIMER_OP_DELAYED_WQ_SET_CALLBACK: sleeptimer_opcode = 49;
pub const SLEEPTIMER_OP_DELAYED_WQ_START: sleeptimer_opcode = 50;
pub const SLEEPTIMER_OP_DELAYED_WQ_MOD: sleeptimer_opcode = 51;
pub const SLEEPTIMER_OP_DELAYED_WQ_CANCEL: sleeptimer_opcode = 52;
pub const SLEEPTIMER_OP_FREE: sleeptimer_opcode = 64;
pub type sleeptimer_opcode = ::core::ffi::c_uint;
pub const SLEEPTIMER_OP_LINK: sleeptimer_op_flags = 1;
pub const SLEEPTIMER_OP_PERIODIC: sleeptimer_op_flags = 2;
pub type sleeptimer_op_flags = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_op {
    pub opcode: __u8,
    pub op_flags: __u8,
    pub flags: __u8,
    pub clock: __u8,
    pub program: __u32,
    pub value: __u64,
    pub handle: __u64,
    pub result: __s32,
    pub pad: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_op"][::core::mem::size_of::<sleeptimer_op>() - 32usize];
    ["Alignment of sleeptimer_op"][::core::mem::align_of::<sleeptimer_op>() - 8usize];
    ["Offset of field: sleeptimer_op::opcode"]
        [::core::mem::offset_of!(sleeptimer_op, opcode) - 0usize];
    ["Offset of field: sleeptimer_op::op_flags"]
        [::core::mem::offset_of!(sleeptimer_op, op_flags) - 1usize];
    ["Offset of field: sleeptimer_op::flags"]
        [::core::mem::offset_of!(sleeptimer_op, flags) - 2usize];
    ["Offset of field: sleeptimer_op::clock"]
        [::core::mem::offset_of!(sleeptimer_op, clock) - 3usize];
    ["Offset of field: sleeptimer_op::program"]
        [::core::mem::offset_of!(sleeptimer_op, program) - 4usize];
    ["Offset of field: sleeptimer_op::value"]
        [::core::mem::offset_of!(sleeptimer_op, value) - 8usize];
    ["Offset of field: sleeptimer_op::handle"]
        [::core::mem::offset_of!(sleeptimer_op, handle) - 16usize];
    ["Offset of field: sleeptimer_op::result"]
        [::core::mem::offset_of!(sleeptimer_op, result) - 24usize];
    ["Offset of field: sleeptimer_op::pad"][::core::mem::offset_of!(sleeptimer_op, pad) - 28usize];
};
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_submit {
    pub ops: __u64,
    pub nr_ops: __u32,
    pub flags: __u32,
    pub reserved: __u64,
    pub nr_done: __u32,
    pub nr_failed: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_submit"][::core::mem::size_of::<sleeptimer_submit>() - 32usize];
    ["Alignment of sleeptimer_submit"][::core::mem::align_of::<sleeptimer_submit>() - 8usize];
    ["Offset of field: sleeptimer_submit::ops"]
        [::core::mem::offset_of!(sleeptimer_submit, ops) - 0usize];
    ["Offset of field: sleeptimer_submit::nr_ops"]
        [::core::mem::offset_of!(sleeptimer_submit, nr_ops) - 8usize];
    ["Offset of field: sleeptimer_submit::flags"]
        [::core::mem::offset_of!(sleeptimer_submit, flags) - 12usize];
    ["Offset of field: sleeptimer_submit::reserved"]
        [::core::mem::offset_of!(sleeptimer_submit, reserved) - 16usize];
    ["Offset of field: sleeptimer_submit::nr_done"]
        [::core::mem::offset_of!(sleeptimer_submit, nr_done) - 24usize];
    ["Offset of field: sleeptimer_submit::nr_failed"]
        [::core::mem::offset_of!(sleeptimer_submit, nr_failed) - 28usize];
};
pub const SLEEPTIMER_CONTEXT_SOFTIRQ: sleeptimer_context = 1;
pub const SLEEPTIMER_CONTEXT_PROCESS: sleeptimer_context = 2;
pub type sleeptimer_context = ::core::ffi::c_uint;
pub const SLEEPTIMER_EVENT_ACCUMULATED: sleeptimer_event_flags = 1;
pub type sleeptimer_event_flags = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_event {
    pub handle: __u64,
    pub user_data: __u64,
    pub count: __u64,
    pub time_ns: __u64,
    pub context: __u32,
    pub cpu: __u32,
    pub worker: __u32,
    pub flags: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_event"][::core::mem::size_of::<sleeptimer_event>() - 48usize];
    ["Alignment of sleeptimer_event"][::core::mem::align_of::<sleeptimer_event>() - 8usize];
    ["Offset of field: sleeptimer_event::handle"]
        [::core::mem::offset_of!(sleeptimer_event, handle) - 0usize];
    ["Offset of field: sleeptimer_event::user_data"]
        [::core::mem::offset_of!(sleeptimer_event, user_data) - 8usize];
    ["Offset of field: sleeptimer_event::count"]
        [::core::mem::offset_of!(sleeptimer_event, count) - 16usize];
    ["Offset of field: sleeptimer_event::time_ns"]
        [::core::mem::offset_of!(sleeptimer_event, time_ns) - 24usize];
    ["Offset of field: sleeptimer_event::context"]
        [::core::mem::offset_of!(sleeptimer_event, context) - 32usize];
    ["Offset of field: sleeptimer_event::cpu"]
        [::core::mem::offset_of!(sleeptimer_event, cpu) - 36usize];
    ["Offset of field: sleeptimer_event::worker"]
        [::core::mem::offset_of!(sleeptimer_event, worker) - 40usize];
    ["Offset of field: sleeptimer_event::flags"]
        [::core::mem::offset_of!(sleeptimer_event, flags) - 44usize];
};
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_ring_consumer {
    pub tail: __u32,
    pub reserved: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_ring_consumer"]
        [::core::mem::size_of::<sleeptimer_ring_consumer>() - 8usize];
    ["Alignment of sleeptimer_ring_consumer"]
        [::core::mem::align_of::<sleeptimer_ring_consumer>() - 4usize];
    ["Offset of field: sleeptimer_ring_consumer::tail"]
        [::core::mem::offset_of!(sleeptimer_ring_consumer, tail) - 0usize];
    ["Offset of field: sleeptimer_ring_consumer::reserved"]
        [::core::mem::offset_of!(sleeptimer_ring_consumer, reserved) - 4usize];
};
pub const SLEEPTIMER_RING_BACKLOG: sleeptimer_ring_flags = 1;
pub type sleeptimer_ring_flags = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct sleeptimer_ring_producer {
    pub head: __u32,
    pub flags: __u32,
    pub capacity: __u32,
    pub event_size: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of sleeptimer_ring_producer"]
        [::core::mem::size_of::<sleeptimer_ring_producer>() - 16usize];
    ["Alignment of sleeptimer_ring_producer"]
        [::core::mem::align_of::<sleeptimer_ring_producer>() - 4usize];
    ["Offset of field: sleeptimer_ring_producer::head"]
        [::core::mem::offset_of!(sleeptimer_ring_producer, head) - 0usize];
    ["Offset of field: sleeptimer_ring_producer::flags"]
        [::core::mem::offset_of!(sleeptimer_ring_producer, flags) - 4usize];
    ["Offset of field: sleeptimer_ring_producer::capacity"]
        [::core::mem::offset_of!(sleeptimer_ring_producer, capacity) - 8usize];
    ["Offset of field: sleeptimer_ring_producer::event_size"]
        [::core::mem::offset_of!(sleeptimer_ring_producer, event_size) - 12usize];
};
pub const SLEEPTIMER_IOC_GET_INFO: sleeptimer_ioc = 2153830912;
pub const SLEEPTIMER_IOC_SETUP: sleeptimer_ioc = 1075894785;
pub const SLEEPTIMER_IOC_PROGRAM_CREATE: sleeptimer_ioc = 3223378434;
pub const SLEEPTIMER_IOC_PROGRAM_DESTROY: sleeptimer_ioc = 1074321923;
pub const SLEEPTIMER_IOC_SUBMIT: sleeptimer_ioc = 3223378436;
pub const SLEEPTIMER_IOC_QUERY: sleeptimer_ioc = 3225999877;
pub const SLEEPTIMER_IOC_PROGRAM_QUERY: sleeptimer_ioc = 3223378438;
pub const SLEEPTIMER_IOC_TIMER_INIT: sleeptimer_ioc = 3223378448;
pub const SLEEPTIMER_IOC_TIMER_SET_CALLBACK: sleeptimer_ioc = 1074846225;
pub const SLEEPTIMER_IOC_TIMER_SET_SLEEPABLE_CB: sleeptimer_ioc = 1074846226;
pub const SLEEPTIMER_IOC_TIMER_START: sleeptimer_ioc = 1076943379;
pub const SLEEPTIMER_IOC_TIMER_CANCEL: sleeptimer_ioc = 1074846228;
pub const SLEEPTIMER_IOC_TIMER_CANCEL_NO_DROP: sleeptimer_ioc = 1074846229;
pub const SLEEPTIMER_IOC_TIMER_CANCEL_ASYNC: sleeptimer_ioc = 1074846230;
pub const SLEEPTIMER_IOC_WQ_INIT: sleeptimer_ioc = 3223378464;
pub const SLEEPTIMER_IOC_WQ_SET_CALLBACK: sleeptimer_ioc = 1074846241;
pub const SLEEPTIMER_IOC_WQ_START: sleeptimer_ioc = 1076943394;
pub const SLEEPTIMER_IOC_WQ_CANCEL: sleeptimer_ioc = 1074846243;
pub const SLEEPTIMER_IOC_DELAYED_WQ_INIT: sleeptimer_ioc = 3223378480;
pub const SLEEPTIMER_IOC_DELAYED_WQ_SET_CALLBACK: sleeptimer_ioc = 1074846257;
pub const SLEEPTIMER_IOC_DELAYED_WQ_START: sleeptimer_ioc = 1076943410;
pub const SLEEPTIMER_IOC_DELAYED_WQ_MOD: sleeptimer_ioc = 1076943411;
pub const SLEEPTIMER_IOC_DELAYED_WQ_CANCEL: sleeptimer_ioc = 1074846260;
pub const SLEEPTIMER_IOC_FREE: sleeptimer_ioc = 1074846272;
pub type sleeptimer_ioc = ::core::ffi::c_uint;
