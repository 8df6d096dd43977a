import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { FaultPoint } from './delivery.ts'

const points: readonly FaultPoint[] = ['data-stored', 'commit-next', 'commit-stored', 'settle-next']

/** For tests: TIDEMARK_FAULT_POINT=commit-next:3 kills the process (-9) the third time that point is reached. */
export function crashPoint(environment: NodeJS.ProcessEnv): ((point: FaultPoint) => void) | undefined {
  const text = environment['TIDEMARK_FAULT_POINT']
  if (text === undefined) return undefined
  const [point, times] = text.split(':')
  let left = Number(times ?? '1')
  if (!points.includes(point as FaultPoint) || !(left >= 1)) {
    throw new TidemarkError('USAGE', {
      message: 'TIDEMARK_FAULT_POINT is not a fault point',
      cure: `for example TIDEMARK_FAULT_POINT=commit-next:3; points: ${points.join(', ')}`
    })
  }
  return reached => {
    if (reached === point && --left === 0) process.kill(process.pid, 'SIGKILL')
  }
}
