/**
 * What the agent's thread and the watchdog's share: a few 32-bit numbers. The agent writes, the watchdog reads; each is
 * looked at again and again, so no lock is needed.
 */
export const cellCount = 4
/** 1 while a call is running, else 0. */
export const RUNNING = 0
/** Counts calls, so that two of the same label are told apart; 0: there was none. Wraps. */
export const CALL = 1
/** Counts turns of the event loop's timers. Wraps. */
export const TICK = 2
/** Label of the call that began last. */
export const LABEL = 3
