// SPDX-License-Identifier: GPL-2.0
/* Work, whose callback may sleep, in an array. */
#include "batch.h"

extern int bpf_wq_init(struct bpf_wq *wq, void *map, unsigned int flags) __ksym;
extern int bpf_wq_set_callback(struct bpf_wq *wq, int (*callback)(void *, int *, void *),
			       unsigned int flags) __ksym;
extern int bpf_wq_start(struct bpf_wq *wq, unsigned int flags) __ksym;

struct element {
	struct bpf_wq wq;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct element);
} elements SEC(".maps");

static int run(void *map, int *slot, void *element)
{
	bpf_ringbuf_output(&events, slot, sizeof(*slot), 0);
	return 0;
}

static __always_inline long create_one(struct entry *entry)
{
	struct element *element = bpf_map_lookup_elem(&elements, &entry->slot);
	long error = element ? bpf_wq_init(&element->wq, &elements, 0) : -ENOENT;

	return error ?: bpf_wq_set_callback(&element->wq, run, 0);
}

PROGRAM(create)

static __always_inline long destroy_one(struct entry *entry)
{
	struct element empty = {};

	/* This frees what was there. */
	return bpf_map_update_elem(&elements, &entry->slot, &empty, BPF_EXIST);
}

PROGRAM(destroy)

static long start_each(__u64 number, long *error)
{
	__u32 slot = number;
	struct element *element = bpf_map_lookup_elem(&elements, &slot);

	*error = element ? bpf_wq_start(&element->wq, 0) : -ENOENT;
	return *error ? 1 : 0;
}

/* Not the entries: as many as the batch says, from slot 0. */
SEC("syscall")
int start(void *unused)
{
	long error = 0;

	bpf_loop(batch.count, start_each, &error, 0);
	return error;
}
