// SPDX-License-Identifier: GPL-2.0
/* Timers in a map: an array, or with HASH a hash table. */
#include "batch.h"

struct element {
	struct bpf_timer timer;
};

struct {
#ifdef HASH
	__uint(type, BPF_MAP_TYPE_HASH);
#else
	__uint(type, BPF_MAP_TYPE_ARRAY);
#endif
	__type(key, __u32);
	__type(value, struct element);
} elements SEC(".maps");

static int expired(void *map, __u32 *slot, struct element *element)
{
	if (batch.period) {
		batch.next += batch.period;
		bpf_timer_start(&element->timer, batch.next, BPF_F_TIMER_ABS);
	}
	bpf_ringbuf_output(&events, slot, sizeof(*slot), 0);
	return 0;
}

static __always_inline struct element *insert(__u32 *slot)
{
	/* An array has all of its elements, always. */
#ifdef HASH
	struct element empty = {};

	if (bpf_map_update_elem(&elements, slot, &empty, BPF_NOEXIST))
		return NULL;
#endif
	return bpf_map_lookup_elem(&elements, slot);
}

static __always_inline long make(struct element *element)
{
	long error = bpf_timer_init(&element->timer, &elements, CLOCK_MONOTONIC);

	return error ?: bpf_timer_set_callback(&element->timer, expired);
}

static __always_inline long start(struct element *element, __u64 time, __u64 flags)
{
	long error = bpf_timer_start(&element->timer, time, flags);

	/* A cancel drops the callback. */
	if (error == -EINVAL) {
		error = bpf_timer_set_callback(&element->timer, expired);
		if (!error)
			error = bpf_timer_start(&element->timer, time, flags);
	}
	return error;
}

static __always_inline long create_one(struct entry *entry)
{
	struct element *element = insert(&entry->slot);

	return element ? make(element) : -ENOENT;
}

PROGRAM(create)

static __always_inline long create_armed_one(struct entry *entry)
{
	struct element *element = insert(&entry->slot);
	long error = element ? make(element) : -ENOENT;

	return error ?: bpf_timer_start(&element->timer, entry->time, BPF_F_TIMER_ABS);
}

PROGRAM(create_armed)

static __always_inline long arm_one(struct entry *entry)
{
	struct element *element = bpf_map_lookup_elem(&elements, &entry->slot);

	return element ? start(element, entry->time, BPF_F_TIMER_ABS) : -ENOENT;
}

PROGRAM(arm)

static __always_inline long arm_in_one(struct entry *entry)
{
	struct element *element = bpf_map_lookup_elem(&elements, &entry->slot);

	return element ? start(element, entry->time, 0) : -ENOENT;
}

PROGRAM(arm_in)

static __always_inline long cancel_one(struct entry *entry)
{
	struct element *element = bpf_map_lookup_elem(&elements, &entry->slot);
	long active = element ? bpf_timer_cancel(&element->timer) : -ENOENT;

	return active < 0 ? active : 0;
}

PROGRAM(cancel)

static __always_inline long destroy_one(struct entry *entry)
{
#ifdef HASH
	return bpf_map_delete_elem(&elements, &entry->slot);
#else
	struct element empty = {};

	/* This frees the timer that was there. */
	return bpf_map_update_elem(&elements, &entry->slot, &empty, BPF_EXIST);
#endif
}

PROGRAM(destroy)
