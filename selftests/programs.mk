# SPDX-License-Identifier: GPL-2.0
# The selftests, one program per class of behaviour, in the order in which they run.
# Read by make, and line by line by tools/check.

SELFTESTS := \
	lifecycle \
	families \
	periodic \
	programs \
	steps \
	oracle \
	wrong_kind \
	bad_input \
	submit \
	query \
	ring \
	sharing \
	abi \
	close_armed \
	close_sleeping \
	stuck \
	rmmod_busy \
	isolation \
	limits \
	storm \
	visible \
	tracing \
	timens \
	race_cancel \
	race_free \
	race_set_callback \
	race_stale_handle \
	race_close \
	race_setup \
	race_rmmod \
	race_maps \
	race_processes \
	race_signals \
	stress \
	against_model
