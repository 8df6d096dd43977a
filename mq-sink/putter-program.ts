// The process that puts: `ibmmq` blocks its thread at every verb, so it has a process of its own. Frames come on standard
// input, events go to descriptor 3 as lines. When the sink is gone, its pipe ends: the unit of work is backed out.
import { setTimeout as pause } from 'node:timers/promises'
import { writeWhole } from '@tidemark/capture/mq/blocking-pipe.ts'
import { loadMqPackage } from '@tidemark/capture/mq/mq-package.ts'
import { Putter } from './putter.ts'

const eventsDescriptor = 3

const putter = new Putter({
  load: besideFile => loadMqPackage(process.env, besideFile),
  tell: event => writeWhole(eventsDescriptor, Buffer.from(`${JSON.stringify(event)}\n`)),
  pause,
  exit: () => process.exit(0)
})
process.stdin.on('data', chunk => putter.take(chunk))
process.stdin.on('end', () => putter.end())
