/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLEEPTIMER_HELPERS_H
#define SLEEPTIMER_HELPERS_H

#include <linux/spinlock_types.h>

void sleeptimer_spin_lock_bh(spinlock_t *lock);
int sleeptimer_spin_trylock_bh(spinlock_t *lock);
void sleeptimer_spin_unlock_bh(spinlock_t *lock);

#endif /* SLEEPTIMER_HELPERS_H */
