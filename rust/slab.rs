// SPDX-License-Identifier: GPL-2.0

//! A slab cache for objects of one type.
//!
//! C header: [`include/linux/slab.h`](srctree/include/linux/slab.h)

use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull};
use kernel::{alloc::AllocError, bindings, prelude::*};

/// A `kmem_cache` of its own, never merged with another, so that a leak has a name. Objects are
/// charged to the memory cgroup of the task that allocates them.
///
/// # Invariants
///
/// `cache` is a valid `kmem_cache` whose objects have the size and alignment of `T`.
pub(crate) struct KmemCache<T> {
    cache: NonNull<bindings::kmem_cache>,
    _objects: PhantomData<T>,
}

// SAFETY: A cache may be used from any thread, and holds memory, not objects.
unsafe impl<T> Send for KmemCache<T> {}
// SAFETY: As above; a cache has locks of its own.
unsafe impl<T> Sync for KmemCache<T> {}

/// In bytes.
const OBJECT_ALIGN: u32 = 16;

impl<T> KmemCache<T> {
    /// Creates a cache, which `/proc/slabinfo` shows as `name`. May sleep.
    pub(crate) fn new(name: &'static CStr) -> Result<Self> {
        let mut args = bindings::kmem_cache_args {
            // In what this leaves behind an object the kernel keeps who is charged for it: else that
            // takes an array of its own.
            align: (align_of::<T>() as u32).max(OBJECT_ALIGN),
            ..Default::default()
        };
        let flags = 1 << bindings::_slab_flag_bits__SLAB_NO_MERGE
            | 1 << bindings::_slab_flag_bits__SLAB_ACCOUNT;
        // SAFETY: `name` is a static string and `args` is valid for the duration of the call.
        let cache = unsafe {
            bindings::__kmem_cache_create_args(
                name.as_char_ptr(),
                size_of::<T>() as u32,
                &mut args,
                flags,
            )
        };
        // INVARIANT: The cache was just created for the size and alignment of `T`.
        Ok(Self {
            cache: NonNull::new(cache).ok_or(ENOMEM)?,
            _objects: PhantomData,
        })
    }

    /// Allocates the memory of one object. May sleep.
    pub(crate) fn alloc(&self) -> Result<NonNull<MaybeUninit<T>>, AllocError> {
        // SAFETY: By the type invariants, `cache` is valid.
        let object = unsafe {
            bindings::kmem_cache_alloc_noprof(self.cache.as_ptr(), bindings::GFP_KERNEL_ACCOUNT)
        };
        NonNull::new(object.cast()).ok_or(AllocError)
    }

    /// Gives the memory of an object back. Any context. Does not drop the object.
    ///
    /// # Safety
    ///
    /// `object` came from [`Self::alloc`] of this cache, was not freed since, and nothing uses it
    /// any more.
    pub(crate) unsafe fn free(&self, object: NonNull<T>) {
        // SAFETY: By the safety requirements, the object is of this cache and unused.
        unsafe { bindings::kmem_cache_free(self.cache.as_ptr(), object.as_ptr().cast()) };
    }
}

impl<T> Drop for KmemCache<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants, `cache` is valid, and nothing can use it after this. The
        // kernel warns about objects that were not freed, and keeps them.
        unsafe { bindings::kmem_cache_destroy(self.cache.as_ptr()) };
    }
}
