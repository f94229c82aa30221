// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel offers as macros and inline functions only, and the kernel
 * crate does not wrap: one function each, under the same name with a prefix.
 */
#include <linux/spinlock.h>

#include "helpers.h"

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
