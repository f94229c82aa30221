// SPDX-License-Identifier: GPL-2.0
/*
 * The files of debugfs, which rust/numbers.rs fills. An open one keeps the
 * module, by the owner in its operations.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "debugfs.h"

static int maps_show(struct seq_file *to, void *unused)
{
	sleeptimer_show_maps(to, to->private);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(maps);

static int totals_show(struct seq_file *to, void *unused)
{
	sleeptimer_show_totals(to, to->private);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(totals);

struct dentry *sleeptimer_debugfs_create(void *facility)
{
	struct dentry *directory = debugfs_create_dir("sleeptimer", NULL);

	debugfs_create_file("maps", 0400, directory, facility, &maps_fops);
	debugfs_create_file("totals", 0400, directory, facility, &totals_fops);
	return directory;
}

void sleeptimer_debugfs_remove(struct dentry *directory)
{
	debugfs_remove(directory);
}
