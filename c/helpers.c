// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel offers as macros and inline functions only, and the kernel
 * crate does not wrap: one function each, under the same name with a prefix.
 */
#include <linux/cred.h>
#include <linux/hrtimer.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/time_namespace.h>
#include <linux/timer.h>

#include "helpers.h"

ktime_t sleeptimer_hrtimer_get_softexpires(const struct hrtimer *timer)
{
	/* Others may start it meanwhile: what it says may be old anyway. */
	return data_race(hrtimer_get_softexpires(timer));
}

unsigned long sleeptimer_timer_expires(const struct timer_list *timer)
{
	/* As above. */
	return data_race(timer->expires);
}

bool sleeptimer_timer_pending(const struct timer_list *timer)
{
	/* As above. */
	return data_race(timer_pending(timer));
}

const struct cred *sleeptimer_override_creds(const struct cred *cred)
{
	return override_creds(cred);
}

const struct cred *sleeptimer_revert_creds(const struct cred *cred)
{
	return revert_creds(cred);
}

struct mem_cgroup *sleeptimer_get_memcg(void)
{
	return get_mem_cgroup_from_mm(current->mm);
}

void sleeptimer_put_memcg(struct mem_cgroup *memcg)
{
	mem_cgroup_put(memcg);
}

struct mem_cgroup *sleeptimer_set_active_memcg(struct mem_cgroup *memcg)
{
	return set_active_memcg(memcg);
}

unsigned long sleeptimer_rlimit(unsigned int limit)
{
	return rlimit(limit);
}

unsigned long sleeptimer_spin_lock_irqsave(spinlock_t *lock)
{
	unsigned long flags;

	spin_lock_irqsave(lock, flags);
	return flags;
}

bool sleeptimer_spin_trylock_irqsave(spinlock_t *lock, unsigned long *flags)
{
	return spin_trylock_irqsave(lock, *flags);
}

void sleeptimer_spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags)
{
	spin_unlock_irqrestore(lock, flags);
}

bool sleeptimer_in_time_namespace(void)
{
	return IS_ENABLED(CONFIG_TIME_NS) && current->nsproxy->time_ns != &init_time_ns;
}

ktime_t sleeptimer_timens_ktime_to_host(clockid_t clock, ktime_t time)
{
	return timens_ktime_to_host(clock, time);
}

s64 sleeptimer_timens_offset(clockid_t clock)
{
	struct timespec64 offset = {};

	switch (clock) {
	case CLOCK_MONOTONIC:
		timens_add_monotonic(&offset);
		break;
	case CLOCK_BOOTTIME:
		timens_add_boottime(&offset);
		break;
	}
	return timespec64_to_ns(&offset);
}
