// SPDX-License-Identifier: GPL-2.0

//! Faults that the model can be given.

/// What the protocol does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The engine is disarmed before the grace period, and not after it.
    CancelBeforeGracePeriod,
    /// The timer ends without a grace period.
    NoGracePeriod,
    /// The end of a timer does not look whether its callback runs.
    EndIgnoresRunning,
    /// The owner's reference goes when the timer is killed, not when its engine is idle.
    OwnerPutAtKill,
    /// A cancel that waits has no reference.
    CancelWithoutReference,
    /// The flags word is changed by a load and a store.
    StoreInsteadOfSwap,
    /// A callback reads the flags before the map.
    FlagsBeforeMap,
    /// A look-up reads the generation before the pointer.
    GenerationBeforePointer,
    /// A timer is taken out of the table by a store.
    DetachByStore,
    /// The slot is given back before the memory is freed.
    SlotBackBeforeFree,
    /// The reference to a program is dropped before the timer is unbound from it.
    ProgramPutBeforeUnbind,
    /// A worker reads which program is bound before its read-side critical section.
    ProgramReadOutsideRcu,
    /// A program is freed with its last reference, without a grace period.
    ProgramWithoutGracePeriod,
    /// Sleepers are woken before the flags say that they should hurry.
    WakeBeforeFlag,
    /// A cancel drops the callback before it disarms the timer.
    DropBeforeDisarm,
    /// A start that finds its timer expiring without a callback has succeeded.
    StartTrustsExpiry,
    /// A cancel does not note that it has told of an expiry.
    CancelTellsWithoutNote,
    /// A start that fails leaves its period to a callback that runs.
    StartLeavesPeriod,
    /// A start leaves its timer to a cancel that may have looked the last time.
    StartLeavesNothing,
    /// Nobody tells of a timer that has expired without its callback.
    MissedIsLost,
    /// A start does not look again after it has armed the timer.
    StartLooksOnce,
    /// A sleeper does not say that it may have to be woken.
    NotMarkedAsleep,
    /// A sleeper looks at its condition before it is on the wait queue only.
    LookBeforeQueueing,
    /// A periodic callback arms its timer again without the lock.
    RearmWithoutLock,
    /// A start on another CPU arms a periodic timer without the lock.
    StartOnWithoutLock,
    /// A start without a period does not look whether a period came up meanwhile.
    StartTrustsPeriod,
    /// A cancel of a high-resolution delayed_wq leaves what it cancelled counted.
    CancelKeepsExpirations,
    /// Timers that are freed join the grace period that is running.
    JoinRunningGracePeriod,
    /// The reaper wakes whoever waits for it when it has released its lock.
    NotifyAfterUnlock,
    /// The reaper's work is marked as unused while it has timers.
    WorkUnusedTooEarly,
}
