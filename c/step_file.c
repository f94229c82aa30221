// SPDX-License-Identifier: GPL-2.0
/*
 * What steps need of files and the kernel has as macros and inline functions
 * only. Who may use which file is decided in rust/step_file.rs.
 */
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/net.h>
#include <linux/uio.h>

#include "step_file.h"

static bool is_unix(struct file *file)
{
	struct socket *sock = IS_ENABLED(CONFIG_NET) ? sock_from_file(file) : NULL;

	return sock && READ_ONCE(sock->ops)->family == AF_UNIX;
}

static bool is_on_fuse(const struct inode *inode)
{
	return inode && inode->i_sb->s_magic == FUSE_SUPER_MAGIC;
}

/* Inodes of anonymous files say that they are regular ones. */
static bool is_stored(const struct inode *inode)
{
	return S_ISBLK(inode->i_mode) || (S_ISREG(inode->i_mode) && !IS_ANON_FILE(inode));
}

u32 sleeptimer_file_traits(struct file *file)
{
	const struct inode *inode = file_inode(file);
	fmode_t mode = READ_ONCE(file->f_mode);
	u32 traits = 0;

	if (mode & FMODE_WRITE)
		traits |= SLEEPTIMER_FILE_WRITABLE;
	if (mode & FMODE_PWRITE)
		traits |= SLEEPTIMER_FILE_POSITIONS;
	if (mode & FMODE_NOWAIT)
		traits |= SLEEPTIMER_FILE_NOWAIT;
	if (is_stored(inode))
		traits |= SLEEPTIMER_FILE_STORED;
	if (is_unix(file))
		traits |= SLEEPTIMER_FILE_UNIX;
	/* An overlay has its own inode for a file that FUSE stores. */
	if (is_on_fuse(inode) || is_on_fuse(d_real_inode(file->f_path.dentry)))
		traits |= SLEEPTIMER_FILE_FUSE;
	return traits;
}

/* Writes without waiting for room, or not at all. What the file can do may change at any time. */
ssize_t sleeptimer_write_nowait(struct file *file, const void *bytes, size_t len, loff_t pos)
{
	struct kvec vec = { .iov_base = (void *)bytes, .iov_len = len };
	struct iov_iter iter;
	struct kiocb iocb;

	init_sync_kiocb(&iocb, file);
	iocb.ki_pos = pos;
	if (READ_ONCE(file->f_mode) & FMODE_NOWAIT)
		iocb.ki_flags |= IOCB_NOWAIT;
	else if (!(READ_ONCE(file->f_flags) & O_NONBLOCK))
		return -EAGAIN;
	iov_iter_kvec(&iter, ITER_SOURCE, &vec, 1, len);
	return vfs_iocb_iter_write(file, &iocb, &iter);
}
