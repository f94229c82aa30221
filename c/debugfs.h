/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLEEPTIMER_DEBUGFS_H
#define SLEEPTIMER_DEBUGFS_H

struct dentry;
struct seq_file;

struct dentry *sleeptimer_debugfs_create(void *facility);
void sleeptimer_debugfs_remove(struct dentry *directory);

/* In rust/debugfs.rs. */
void sleeptimer_show_maps(struct seq_file *to, void *facility);
void sleeptimer_show_totals(struct seq_file *to, void *facility);

#endif /* SLEEPTIMER_DEBUGFS_H */
