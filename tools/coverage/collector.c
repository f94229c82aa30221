// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps what the counters of sleeptimer.ko have come to, when it was built to
 * count what it executes. Whoever unloads the module, it has then run its last
 * line and is still there: so its exit is counted, too. The sums over all
 * loads are in debugfs.
 */
#include <linux/debugfs.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/slab.h>

static struct debugfs_blob_wrapper sums;
static struct dentry *file;

/* The address of a symbol that counters.lds defines, or NULL. */
static u64 *find(struct module *module, const char *name)
{
	/* The module is going, but does not go before this returns. */
	struct mod_kallsyms *all = rcu_dereference_protected(module->kallsyms, true);

	for (unsigned int i = 0; i < all->num_symtab; i++)
		if (!strcmp(all->strtab + all->symtab[i].st_name, name))
			return (u64 *)kallsyms_symbol_value(all->symtab + i);
	return NULL;
}

static void add(struct module *module)
{
	const u64 *counters = find(module, "__start___llvm_prf_cnts");
	const u64 *end = find(module, "__stop___llvm_prf_cnts");

	if (WARN_ON(!counters || !end))
		return;
	if (!sums.data) {
		sums.size = (end - counters) * sizeof(u64);
		sums.data = kvzalloc(sums.size, GFP_KERNEL);
	}
	/* Another module of that name would have others. */
	if (WARN_ON(!sums.data || sums.size != (end - counters) * sizeof(u64)))
		return;
	for (u64 *sum = sums.data; counters < end; sum++, counters++)
		*sum += *counters;
}

/* Nothing runs beside this: a module is not loaded again before it has gone. */
static int module_changed(struct notifier_block *self, unsigned long state, void *data)
{
	struct module *module = data;

	if (state == MODULE_STATE_GOING && !strcmp(module->name, "sleeptimer"))
		add(module);
	return NOTIFY_OK;
}

static struct notifier_block notifier = {
	.notifier_call = module_changed,
};

static int __init collector_init(void)
{
	file = debugfs_create_blob("sleeptimer_counters", 0400, NULL, &sums);
	return register_module_notifier(&notifier);
}
module_init(collector_init);

static void __exit collector_exit(void)
{
	unregister_module_notifier(&notifier);
	debugfs_remove(file);
	kvfree(sums.data);
}
module_exit(collector_exit);

MODULE_DESCRIPTION("Sums of the counters of sleeptimer.ko");
MODULE_LICENSE("GPL");
