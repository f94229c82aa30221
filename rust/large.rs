// SPDX-License-Identifier: GPL-2.0

//! Memory for arrays whose length user space chooses: up to hundreds of megabytes.
//!
//! What is too much is refused. With the ordinary flags the kernel would rather kill processes, those
//! of the memory cgroup first, and the kernel crate has no flag that says otherwise.

use core::{alloc::Layout, ptr::NonNull};
use kernel::{
    alloc::{
        allocator::{KVmalloc, Kmalloc, Vmalloc},
        AllocError, Allocator, Flags, NumaNode,
    },
    bindings,
    prelude::*,
};

/// A vector for an array whose length user space chooses.
pub(crate) type LargeVec<T> = Vec<T, Large>;

/// The same, of zeroed pages that are not used for anything else, and may be mapped.
pub(crate) type LargePages<T> = Vec<T, LargeZeroedPages>;

/// Charged to the memory cgroup, and kills nobody for memory.
const FLAGS: bindings::gfp_t =
    bindings::GFP_KERNEL_ACCOUNT | bindings::__GFP_NOWARN | 1 << bindings::___GFP_RETRY_MAYFAIL_BIT;

/// Declares an allocator like another one, whose new memory is made by the function that this one
/// calls, with other flags.
macro_rules! allocator {
    ($(#[$doc:meta])* $name:ident, $like:ident, $function:ident, $flags:expr) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl $name {
            // Not inline: the caller's arithmetic is found not to overflow only if it sees little
            // else.
            #[inline(never)]
            fn alloc_new(layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                let layout = Kmalloc::aligned_layout(layout);
                // SAFETY: Null asks for new memory.
                let memory = unsafe {
                    bindings::$function(
                        core::ptr::null(),
                        layout.size(),
                        layout.align(),
                        $flags,
                        bindings::NUMA_NO_NODE,
                    )
                };
                let memory = NonNull::new(memory.cast()).ok_or(AllocError)?;
                Ok(NonNull::slice_from_raw_parts(memory, layout.size()))
            }
        }

        // SAFETY: All memory is that of the other allocator, which has these guarantees.
        unsafe impl Allocator for $name {
            const MIN_ALIGN: usize = $like::MIN_ALIGN;

            #[inline]
            unsafe fn realloc(
                ptr: Option<NonNull<u8>>,
                layout: Layout,
                old_layout: Layout,
                flags: Flags,
                nid: NumaNode,
            ) -> Result<NonNull<[u8]>, AllocError> {
                let is_new = ptr.is_none() || old_layout.size() == 0;
                if !is_new || layout.size() == 0 {
                    // SAFETY: By the safety requirements.
                    return unsafe { $like::realloc(ptr, layout, old_layout, flags, nid) };
                }
                Self::alloc_new(layout)
            }
        }
    };
}

allocator!(
    /// The allocator of [`LargeVec`]. May sleep.
    Large,
    KVmalloc,
    kvrealloc_node_align,
    FLAGS
);

allocator!(
    /// The allocator of [`LargePages`]. May sleep.
    LargeZeroedPages,
    Vmalloc,
    vrealloc_node_align,
    FLAGS | bindings::__GFP_ZERO
);
