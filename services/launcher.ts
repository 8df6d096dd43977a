/**
 * Has this process end in order (SIGTERM) when launch.mjs, which started it, is gone without a word: killed -9, its
 * script would run on unseen. Without launch.mjs nothing happens.
 */
export function endWithLauncher(): void {
  if (!process.channel) return
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel.unref()
}
