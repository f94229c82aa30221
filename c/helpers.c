// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel offers as macros and inline functions only, and the kernel
 * crate does not wrap: one function each, under the same name with a prefix.
 */
#include <linux/spinlock.h>

#include "helpers.h"

void sleeptimer_spin_lock_bh(spinlock_t *lock)
{
	spin_lock_bh(lock);
}

int sleeptimer_spin_trylock_bh(spinlock_t *lock)
{
	return spin_trylock_bh(lock);
}

void sleeptimer_spin_unlock_bh(spinlock_t *lock)
{
	spin_unlock_bh(lock);
}
