/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLEEPTIMER_HELPERS_H
#define SLEEPTIMER_HELPERS_H

#include <linux/spinlock_types.h>
#include <linux/types.h>

unsigned long sleeptimer_spin_lock_irqsave(spinlock_t *lock);
bool sleeptimer_spin_trylock_irqsave(spinlock_t *lock, unsigned long *flags);
void sleeptimer_spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags);

#endif /* SLEEPTIMER_HELPERS_H */
