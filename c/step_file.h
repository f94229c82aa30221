/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLEEPTIMER_STEP_FILE_H
#define SLEEPTIMER_STEP_FILE_H

#include <linux/bits.h>
#include <linux/types.h>

struct file;

/* What a file is, as far as it matters to a step. rust/step_file.rs has the same bits. */
/* It is open for writing. */
#define SLEEPTIMER_FILE_WRITABLE	BIT(0)
/* It has positions, at which pwrite() writes. */
#define SLEEPTIMER_FILE_POSITIONS	BIT(1)
/* Its data is on a disk or the like, and not made by whoever reads or writes at the other end. */
#define SLEEPTIMER_FILE_STORED		BIT(2)
/* A write can be asked not to wait, whatever the flags of the file are. */
#define SLEEPTIMER_FILE_NOWAIT		BIT(3)
/* It is a socket that can have files in its queue. */
#define SLEEPTIMER_FILE_UNIX		BIT(4)
/* A process serves it. */
#define SLEEPTIMER_FILE_FUSE		BIT(5)

u32 sleeptimer_file_traits(struct file *file);
ssize_t sleeptimer_write_nowait(struct file *file, const void *bytes, size_t len, loff_t pos);

#endif /* SLEEPTIMER_STEP_FILE_H */
