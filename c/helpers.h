/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLEEPTIMER_HELPERS_H
#define SLEEPTIMER_HELPERS_H

#include <linux/ktime.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>

struct cred;
const struct cred *sleeptimer_override_creds(const struct cred *cred);
const struct cred *sleeptimer_revert_creds(const struct cred *cred);

struct mem_cgroup;
struct mem_cgroup *sleeptimer_get_memcg(void);
void sleeptimer_put_memcg(struct mem_cgroup *memcg);
struct mem_cgroup *sleeptimer_set_active_memcg(struct mem_cgroup *memcg);

struct hrtimer;
struct timer_list;

ktime_t sleeptimer_hrtimer_get_softexpires(const struct hrtimer *timer);
unsigned long sleeptimer_timer_expires(const struct timer_list *timer);
bool sleeptimer_timer_pending(const struct timer_list *timer);

unsigned long sleeptimer_rlimit(unsigned int limit);

unsigned long sleeptimer_spin_lock_irqsave(spinlock_t *lock);
bool sleeptimer_spin_trylock_irqsave(spinlock_t *lock, unsigned long *flags);
void sleeptimer_spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags);

bool sleeptimer_in_time_namespace(void);
ktime_t sleeptimer_timens_ktime_to_host(clockid_t clock, ktime_t time);
s64 sleeptimer_timens_offset(clockid_t clock);

#endif /* SLEEPTIMER_HELPERS_H */
