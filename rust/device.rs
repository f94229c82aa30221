// SPDX-License-Identifier: GPL-2.0

//! `/dev/sleeptimer`: the misc device, its file operations, and what belongs to one open of it.
//!
//! [`kernel::miscdevice`] has no `poll`, and before 7.3 does not set `owner`, so that a module could
//! be unloaded under an open file: the operations are our own.

use crate::{
    context::Process, debugfs::Directory, facility::Facility, failure::Failure, ioctl,
    limits::Limits, map::Map, numbers, opener::Opener, uapi,
};
use core::ptr::NonNull;
use kernel::{
    bindings, container_of,
    error::to_result,
    ffi::{c_char, c_int, c_long, c_uint, c_ulong},
    fs::{
        file::{flags::O_NONBLOCK, File},
        LocalFile,
    },
    mm::virt::VmaNew,
    prelude::*,
    seq_file::SeqFile,
    sync::{poll::PollTable, SetOnce},
    types::Opaque,
    uaccess::{UserPtr, UserSlice},
};

/// What one open of the device owns: a map, once it is set up.
pub(crate) struct Session {
    facility: &'static Facility,
    opener: Opener,
    map: SetOnce<Pin<KBox<Map>>>,
}

impl Session {
    /// What the module's parameters allow.
    pub(crate) fn limits(&self) -> &Limits {
        &self.facility.limits
    }

    pub(crate) fn map(&self) -> Result<&Map, Failure> {
        let map = self.map.as_ref().ok_or(Failure::NotSetUp)?;
        Ok(map)
    }

    /// Makes the map, unless there is one already.
    pub(crate) fn set_up(&self, setup: &uapi::Setup) -> Result<(), Failure> {
        if self.map.as_ref().is_some() {
            return Err(Failure::AlreadySetUp);
        }
        let map = Map::new(self.facility, self.opener.clone(), setup)?;
        if self.map.populate(map) {
            Ok(())
        } else {
            Err(Failure::AlreadySetUp)
        }
    }
}

/// The registered device.
///
/// # Invariants
///
/// `misc` is registered, and its operations are `operations`.
#[pin_data(PinnedDrop)]
pub(crate) struct Device {
    /// Goes before what it shows.
    debugfs: Directory,
    #[pin]
    facility: Facility,
    operations: bindings::file_operations,
    #[pin]
    misc: Opaque<bindings::miscdevice>,
}

// SAFETY: A misc device may be used from any thread.
unsafe impl Send for Device {}
// SAFETY: `operations` and `misc` do not change while registered.
unsafe impl Sync for Device {}

impl Device {
    /// Registers the device, which keeps `module` loaded while it is open.
    pub(crate) fn register(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        // The device may be opened as soon as it is registered, so that comes last.
        try_pin_init!(&this in Self {
            facility <- Facility::new(c"sleeptimer", c"sleeptimer_highres"),
            // SAFETY: The facility was just made, is pinned, and is dropped after this.
            debugfs: unsafe { Directory::new(NonNull::from(&(*this.as_ptr()).facility)) },
            operations: operations(module),
            misc <- Opaque::try_ffi_init(move |slot: *mut bindings::miscdevice| {
                // SAFETY: `this` is being initialised and pinned, and `operations` already is.
                let fops = unsafe { &raw const (*this.as_ptr()).operations };
                // SAFETY: The slot is valid for writes.
                unsafe {
                    slot.write(bindings::miscdevice {
                        minor: bindings::MISC_DYNAMIC_MINOR as c_int,
                        name: c"sleeptimer".as_char_ptr(),
                        fops,
                        mode: 0o600,
                        ..bindings::miscdevice::default()
                    })
                };
                // SAFETY: The slot was just filled in, is pinned, and is deregistered on drop.
                to_result(unsafe { bindings::misc_register(slot) })
            }),
        }? Error)
    }
}

#[pinned_drop]
impl PinnedDrop for Device {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariants, the device is registered. After this nobody can open it,
        // and the module's reference count says that nobody has it open.
        unsafe { bindings::misc_deregister(self.misc.get()) };
    }
}

fn operations(module: &ThisModule) -> bindings::file_operations {
    bindings::file_operations {
        owner: module.as_ptr(),
        open: Some(open),
        release: Some(release),
        read: Some(read),
        poll: Some(poll),
        mmap: Some(mmap),
        show_fdinfo: Some(show_fdinfo),
        unlocked_ioctl: Some(unlocked_ioctl),
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: bindings::compat_ptr_ioctl,
        ..bindings::file_operations::default()
    }
}

/// # Safety
///
/// `file` is being opened, and its private data is the `misc` of a [`Device`].
unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: `misc_open` put the address of the `miscdevice` there.
    let misc = unsafe { (*file).private_data }.cast::<Opaque<bindings::miscdevice>>();
    // SAFETY: By the safety requirements. The device stays while its module is loaded, and `owner`
    // keeps that loaded until the last release has returned: longer than any session.
    let device: &'static Device = unsafe { &*container_of!(misc, Device, misc) };
    let session = Session {
        facility: &device.facility,
        // SAFETY: The file is valid, and has no positions.
        opener: Opener::of(unsafe { LocalFile::from_raw_file(file) }),
        map: SetOnce::new(),
    };
    match KBox::new(session, GFP_KERNEL_ACCOUNT) {
        // SAFETY: The file is being opened, so its private data is ours to set.
        Ok(session) => unsafe { (*file).private_data = KBox::into_raw(session).cast() },
        Err(_) => return ENOMEM.to_errno(),
    }
    // SAFETY: The inode and the file are valid. There are no positions in this file.
    unsafe { bindings::stream_open(inode, file) }
}

/// # Safety
///
/// `file` was opened by [`open`], and nobody uses it any more.
unsafe extern "C" fn release(_: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: `open` put a boxed session there, and this is the last use of the file.
    drop(unsafe { KBox::from_raw((*file).private_data.cast::<Session>()) });
    0
}

/// The session of a file.
///
/// # Safety
///
/// `file` was opened by [`open`], and is not released during `'a`.
unsafe fn session<'a>(file: *mut bindings::file) -> &'a Session {
    // SAFETY: `open` put a boxed session there, and `release` takes it.
    unsafe { &*(*file).private_data.cast::<Session>() }
}

/// # Safety
///
/// Called for an open file of ours, in process context.
unsafe extern "C" fn unlocked_ioctl(
    file: *mut bindings::file,
    request: c_uint,
    address: c_ulong,
) -> c_long {
    // SAFETY: By the safety requirements.
    let session = unsafe { session(file) };
    // SAFETY: By the safety requirements; system calls hold no lock.
    let process = unsafe { Process::assume() };
    match ioctl::dispatch(session, &process, request, address) {
        Ok(value) => value as c_long,
        Err(failure) => Error::from(failure).to_errno() as c_long,
    }
}

/// # Safety
///
/// Called for an open file of ours, in process context.
unsafe extern "C" fn read(
    raw_file: *mut bindings::file,
    buffer: *mut c_char,
    length: usize,
    _: *mut bindings::loff_t,
) -> isize {
    // SAFETY: By the safety requirements.
    let session = unsafe { session(raw_file) };
    // SAFETY: The file is open during the call, and this task is not in an `fdget_pos` section of
    // it, as it has no positions.
    let file = unsafe { LocalFile::from_raw_file(raw_file) };
    // SAFETY: By the safety requirements; system calls hold no lock.
    let process = unsafe { Process::assume() };
    let block = file.flags() & O_NONBLOCK == 0;
    let mut writer = UserSlice::new(UserPtr::from_ptr(buffer.cast()), length).writer();
    let result = session
        .map()
        .and_then(|map| map.events().read(map.table(), &process, &mut writer, block));
    match result {
        Ok(bytes) => bytes as isize,
        Err(failure) => Error::from(failure).to_errno() as isize,
    }
}

/// # Safety
///
/// Called for an open file of ours, with a valid or null table.
unsafe extern "C" fn poll(
    raw_file: *mut bindings::file,
    table: *mut bindings::poll_table_struct,
) -> bindings::__poll_t {
    // SAFETY: By the safety requirements.
    let session = unsafe { session(raw_file) };
    // SAFETY: The file is open during the call, and has no positions.
    let file = unsafe { File::from_raw_file(raw_file) };
    // SAFETY: By the safety requirements.
    let table = unsafe { PollTable::from_raw(table) };
    match session.map() {
        Ok(map) if map.events().poll(map.table(), file, &table) => {
            bindings::POLLIN | bindings::POLLRDNORM
        }
        Ok(_) => 0,
        Err(_) => bindings::POLLERR,
    }
}

/// # Safety
///
/// Called for an open file of ours, with an area that is being made.
unsafe extern "C" fn mmap(file: *mut bindings::file, vma: *mut bindings::vm_area_struct) -> c_int {
    // SAFETY: By the safety requirements.
    let session = unsafe { session(file) };
    // SAFETY: By the safety requirements.
    let first = unsafe { (*vma).vm_pgoff };
    // SAFETY: By the safety requirements.
    let vma = unsafe { VmaNew::from_raw(vma) };
    match session.map().and_then(|map| map.events().map(vma, first)) {
        Ok(()) => 0,
        Err(failure) => Error::from(failure).to_errno(),
    }
}

/// # Safety
///
/// Called for an open file of ours, with a file to show it in that nobody else uses now.
unsafe extern "C" fn show_fdinfo(to: *mut bindings::seq_file, file: *mut bindings::file) {
    // SAFETY: By the safety requirements.
    let session = unsafe { session(file) };
    // SAFETY: By the safety requirements.
    let to = unsafe { SeqFile::from_raw(to) };
    match session.map() {
        Ok(map) => numbers::show_fdinfo(map, to),
        Err(_) => numbers::show_fdinfo_of_none(to),
    }
}
