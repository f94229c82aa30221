// SPDX-License-Identifier: GPL-2.0
/*
 * The floor of the benchmark: what the kernel's own timers cost, with nothing
 * around them. A batch is copied and looked up first; only the loop of calls
 * is measured.
 */
#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/llist.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "sleeptimer_floor.h"

/* What kmalloc() would take for one, in a cache of its own, so that it has a name. */
#define TIMER_SIZE	128

struct floor_timer {
	union {
		struct hrtimer hrtimer;
		struct delayed_work delayed;
	};
	struct floor *floor;
	/* Changes only while the hrtimer is neither armed nor in its callback. */
	u64 period;
	struct llist_node node;
	/* Bit 0: it is in the list. */
	unsigned long is_due;
};

#if !defined(CONFIG_LOCKDEP) && !defined(CONFIG_DEBUG_OBJECTS)
static_assert(sizeof(struct floor_timer) <= TIMER_SIZE);
#endif

/* An open file. */
struct floor {
	/* Held during each call. */
	struct mutex lock;
	u32 kind;
	u32 nr_slots;
	struct floor_timer **slots;
	u64 busy_ns;

	/* How many have expired, and for how many of them a task waits. */
	atomic64_t expired;
	s64 wanted;
	wait_queue_head_t wait;
	s64 taken;

	struct llist_head due;
	struct work_struct run_due;

	/* The batch at hand. */
	struct floor_entry entries[FLOOR_BATCH];
	struct floor_timer *timers[FLOOR_BATCH];
};

static struct kmem_cache *cache;
static struct workqueue_struct *workqueue;

/* Is called in softirq and in workers. */
static void expire(struct floor *floor, u64 count)
{
	/* Either this sees what is wanted, or who wants it sees the count. */
	if (atomic64_add_return(count, &floor->expired) >= READ_ONCE(floor->wanted))
		wake_up(&floor->wait);
}

static enum hrtimer_restart hrtimer_expired(struct hrtimer *hrtimer)
{
	struct floor_timer *timer = container_of(hrtimer, struct floor_timer, hrtimer);

	if (!timer->period) {
		expire(timer->floor, 1);
		return HRTIMER_NORESTART;
	}
	expire(timer->floor, hrtimer_forward_now(hrtimer, ns_to_ktime(timer->period)));
	return HRTIMER_RESTART;
}

static enum hrtimer_restart hrtimer_is_due(struct hrtimer *hrtimer)
{
	struct floor_timer *timer = container_of(hrtimer, struct floor_timer, hrtimer);
	struct floor *floor = timer->floor;

	/* It may have been armed again before the work has come to it. */
	if (!test_and_set_bit(0, &timer->is_due) && llist_add(&timer->node, &floor->due))
		queue_work(workqueue, &floor->run_due);
	return HRTIMER_NORESTART;
}

static void run_due(struct work_struct *work)
{
	struct floor *floor = container_of(work, struct floor, run_due);
	struct llist_node *due = llist_del_all(&floor->due);
	struct floor_timer *timer, *next;

	llist_for_each_entry_safe(timer, next, due, node) {
		clear_bit(0, &timer->is_due);
		expire(floor, 1);
	}
}

static void delayed_expired(struct work_struct *work)
{
	struct floor_timer *timer =
		container_of(to_delayed_work(work), struct floor_timer, delayed);

	expire(timer->floor, 1);
}

/* The calls that are measured, on one timer each. */

static __always_inline struct floor_timer *allocate(struct floor *floor)
{
	struct floor_timer *timer = kmem_cache_alloc(cache, GFP_KERNEL);

	if (timer) {
		timer->floor = floor;
		timer->period = 0;
		timer->is_due = 0;
	}
	return timer;
}

static __always_inline int create_hrtimer(struct floor *floor, u32 number)
{
	struct floor_timer *timer = allocate(floor);

	if (!timer)
		return -ENOMEM;
	hrtimer_setup(&timer->hrtimer,
		      floor->kind == FLOOR_LLIST ? hrtimer_is_due : hrtimer_expired,
		      CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
	floor->slots[floor->entries[number].slot] = timer;
	return 0;
}

static __always_inline int create_delayed(struct floor *floor, u32 number)
{
	struct floor_timer *timer = allocate(floor);

	if (!timer)
		return -ENOMEM;
	INIT_DELAYED_WORK(&timer->delayed, delayed_expired);
	floor->slots[floor->entries[number].slot] = timer;
	return 0;
}

static __always_inline int arm_hrtimer(struct floor *floor, u32 number)
{
	hrtimer_start(&floor->timers[number]->hrtimer,
		      ns_to_ktime(floor->entries[number].time), HRTIMER_MODE_ABS_SOFT);
	return 0;
}

static __always_inline int arm_hrtimer_in(struct floor *floor, u32 number)
{
	hrtimer_start(&floor->timers[number]->hrtimer,
		      ns_to_ktime(floor->entries[number].time), HRTIMER_MODE_REL_SOFT);
	return 0;
}

/* The time is in jiffies. */
static __always_inline int arm_delayed(struct floor *floor, u32 number)
{
	mod_delayed_work(workqueue, &floor->timers[number]->delayed,
			 floor->entries[number].time);
	return 0;
}

static __always_inline int cancel_hrtimer(struct floor *floor, u32 number)
{
	hrtimer_try_to_cancel(&floor->timers[number]->hrtimer);
	return 0;
}

static __always_inline int cancel_delayed(struct floor *floor, u32 number)
{
	cancel_delayed_work(&floor->timers[number]->delayed);
	return 0;
}

static __always_inline int stop_hrtimer(struct floor *floor, u32 number)
{
	hrtimer_cancel(&floor->timers[number]->hrtimer);
	return 0;
}

static __always_inline int stop_delayed(struct floor *floor, u32 number)
{
	cancel_delayed_work_sync(&floor->timers[number]->delayed);
	return 0;
}

static __always_inline int give_back(struct floor *floor, u32 number)
{
	floor->slots[floor->entries[number].slot] = NULL;
	kmem_cache_free(cache, floor->timers[number]);
	return 0;
}

/* A loop of nothing but these calls, as all that is inlined. */
static __always_inline int each(struct floor *floor, u32 count,
				int (*call)(struct floor *floor, u32 number))
{
	u64 begin = ktime_get_ns();
	int error = 0;

	for (u32 number = 0; number < count && !error; number++)
		error = call(floor, number);
	floor->busy_ns += ktime_get_ns() - begin;
	return error;
}

static int destroy(struct floor *floor, u32 count)
{
	if (floor->kind == FLOOR_DELAYED_WORK)
		each(floor, count, stop_delayed);
	else
		each(floor, count, stop_hrtimer);
	/* What has put itself into the list may still be there. */
	flush_work(&floor->run_due);
	return each(floor, count, give_back);
}

/* Rounds up, so that none expires early. */
static unsigned long jiffies_of(s64 ns)
{
	return ns > 0 ? nsecs_to_jiffies(ns) + 1 : 0;
}

static int run_delayed(struct floor *floor, u32 operation, u32 count)
{
	u64 now = operation == FLOOR_ARM ? ktime_get_ns() : 0;

	switch (operation) {
	case FLOOR_CREATE:
		return each(floor, count, create_delayed);
	case FLOOR_ARM:
	case FLOOR_ARM_IN:
		for (u32 number = 0; number < count; number++)
			floor->entries[number].time = jiffies_of(floor->entries[number].time - now);
		return each(floor, count, arm_delayed);
	case FLOOR_CANCEL:
		return each(floor, count, cancel_delayed);
	case FLOOR_DESTROY:
		return destroy(floor, count);
	default:
		return -EOPNOTSUPP;
	}
}

static int run_hrtimer(struct floor *floor, u32 operation, u32 count)
{
	switch (operation) {
	case FLOOR_CREATE:
		return each(floor, count, create_hrtimer);
	case FLOOR_ARM:
		return each(floor, count, arm_hrtimer);
	case FLOOR_ARM_IN:
		return each(floor, count, arm_hrtimer_in);
	case FLOOR_ARM_PERIODIC:
		if (floor->kind != FLOOR_HRTIMER)
			return -EOPNOTSUPP;
		for (u32 number = 0; number < count; number++) {
			stop_hrtimer(floor, number);
			floor->timers[number]->period = floor->entries[number].time;
		}
		return each(floor, count, arm_hrtimer_in);
	case FLOOR_CANCEL:
		return each(floor, count, cancel_hrtimer);
	case FLOOR_DESTROY:
		return destroy(floor, count);
	default:
		return -EINVAL;
	}
}

static bool slots_differ(const struct floor_entry *entries, u32 count)
{
	for (u32 number = 1; number < count; number++)
		for (u32 other = 0; other < number; other++)
			if (entries[number].slot == entries[other].slot)
				return false;
	return true;
}

static int look_up(struct floor *floor, u32 operation, u32 count)
{
	if (!slots_differ(floor->entries, count))
		return -EINVAL;
	for (u32 number = 0; number < count; number++) {
		u32 slot = floor->entries[number].slot;
		struct floor_timer *timer;

		if (slot >= floor->nr_slots)
			return -EINVAL;
		timer = floor->slots[slot];
		if (operation == FLOOR_CREATE && timer)
			return -EEXIST;
		if (operation != FLOOR_CREATE && !timer)
			return -ENOENT;
		floor->timers[number] = timer;
		if (timer && timer->period) {
			hrtimer_cancel(&timer->hrtimer);
			timer->period = 0;
		}
	}
	return 0;
}

static int run(struct floor *floor, struct floor_batch __user *argument)
{
	struct floor_batch batch;
	int error;

	if (copy_from_user(&batch, argument, sizeof(batch)))
		return -EFAULT;
	if (batch.count > FLOOR_BATCH)
		return -EINVAL;
	if (copy_from_user(floor->entries, u64_to_user_ptr(batch.entries),
			   batch.count * sizeof(*floor->entries)))
		return -EFAULT;
	error = look_up(floor, batch.operation, batch.count);
	if (error)
		return error;
	if (floor->kind == FLOOR_DELAYED_WORK)
		error = run_delayed(floor, batch.operation, batch.count);
	else
		error = run_hrtimer(floor, batch.operation, batch.count);
	return error ?: put_user(floor->busy_ns, &argument->busy_ns);
}

static int take(struct floor *floor, const u64 __user *argument)
{
	s64 wanted;
	u64 count;
	int error;

	if (get_user(count, argument))
		return -EFAULT;
	if (count > S64_MAX / 2)
		return -EINVAL;
	wanted = floor->taken + count;
	WRITE_ONCE(floor->wanted, wanted);
	error = wait_event_interruptible(floor->wait, atomic64_read(&floor->expired) >= wanted);
	WRITE_ONCE(floor->wanted, S64_MAX);
	if (!error)
		floor->taken = wanted;
	return error;
}

static int set_up(struct floor *floor, const struct floor_setup __user *argument)
{
	struct floor_setup setup;

	if (copy_from_user(&setup, argument, sizeof(setup)))
		return -EFAULT;
	if (setup.kind > FLOOR_DELAYED_WORK)
		return -EINVAL;
	if (floor->slots)
		return -EBUSY;
	floor->slots = kvcalloc(setup.nr_slots, sizeof(*floor->slots), GFP_KERNEL);
	if (!floor->slots)
		return -ENOMEM;
	floor->kind = setup.kind;
	floor->nr_slots = setup.nr_slots;
	return 0;
}

static long floor_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct floor *floor = file->private_data;
	void __user *address = (void __user *)argument;
	int result;

	if (mutex_lock_interruptible(&floor->lock))
		return -ERESTARTSYS;
	switch (command) {
	case FLOOR_IOC_SETUP:
		result = set_up(floor, address);
		break;
	case FLOOR_IOC_RUN:
		result = run(floor, address);
		break;
	case FLOOR_IOC_TAKE:
		result = take(floor, address);
		break;
	default:
		result = -ENOTTY;
	}
	mutex_unlock(&floor->lock);
	return result;
}

static int floor_open(struct inode *inode, struct file *file)
{
	struct floor *floor = kvzalloc_obj(*floor);

	if (!floor)
		return -ENOMEM;
	mutex_init(&floor->lock);
	floor->wanted = S64_MAX;
	init_waitqueue_head(&floor->wait);
	init_llist_head(&floor->due);
	INIT_WORK(&floor->run_due, run_due);
	file->private_data = floor;
	return 0;
}

static void stop(struct floor *floor, struct floor_timer *timer)
{
	if (floor->kind == FLOOR_DELAYED_WORK)
		cancel_delayed_work_sync(&timer->delayed);
	else
		hrtimer_cancel(&timer->hrtimer);
}

static int floor_release(struct inode *inode, struct file *file)
{
	struct floor *floor = file->private_data;

	for (u32 slot = 0; slot < floor->nr_slots; slot++) {
		if (floor->slots[slot])
			stop(floor, floor->slots[slot]);
		cond_resched();
	}
	/* It goes through timers: these go after it. */
	cancel_work_sync(&floor->run_due);
	for (u32 slot = 0; slot < floor->nr_slots; slot++) {
		if (floor->slots[slot])
			kmem_cache_free(cache, floor->slots[slot]);
		cond_resched();
	}
	kvfree(floor->slots);
	kvfree(floor);
	return 0;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = floor_open,
	.release = floor_release,
	.unlocked_ioctl = floor_ioctl,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "sleeptimer_floor",
	.fops = &operations,
	.mode = 0600,
};

static int __init floor_init(void)
{
	int error = -ENOMEM;

	cache = kmem_cache_create("sleeptimer_floor", max(TIMER_SIZE, sizeof(struct floor_timer)),
				  0, SLAB_NO_MERGE, NULL);
	if (!cache)
		return error;
	workqueue = alloc_workqueue("sleeptimer_floor", WQ_UNBOUND, 0);
	if (!workqueue)
		goto no_workqueue;
	error = misc_register(&device);
	if (error)
		goto no_device;
	return 0;

no_device:
	destroy_workqueue(workqueue);
no_workqueue:
	kmem_cache_destroy(cache);
	return error;
}
module_init(floor_init);

static void __exit floor_exit(void)
{
	misc_deregister(&device);
	destroy_workqueue(workqueue);
	kmem_cache_destroy(cache);
}
module_exit(floor_exit);

MODULE_DESCRIPTION("What the kernel's own timers cost, for the benchmark of sleeptimer.ko");
MODULE_LICENSE("GPL");
