import type { Verb } from '@tidemark/capture/commands/verbs.ts'

export const sinkVerbs: readonly Verb[] = [
  {
    name: 'check',
    summary: 'find everything that would break, touching nothing',
    description:
      'Looks at the configuration, at Kafka and at the queue manager and reports all findings at once, each with its code\nand its remedy. Changes nothing. Ends with 1 when there is an error among the findings.',
    examples: [['tidemark-mq-sink check -c sink.yaml', 'before the first start']],
    options: [],
    run: async invocation => (await import('./sink-check.ts')).check(invocation)
  },
  {
    name: 'apply',
    summary: 'put the first state message on the state queue',
    description:
      'Puts the message that says where the sink begins (`from` of the configuration) on its state queue. Does nothing where\nthere is one already.',
    examples: [['tidemark-mq-sink apply', 'once, before the first `run`']],
    options: [],
    run: async invocation => (await import('./sink-apply.ts')).apply(invocation)
  },
  {
    name: 'run',
    summary: 'put transactions, in the foreground',
    description:
      'Puts transactions until SIGTERM or SIGINT, then commits what is complete and ends. A second sink of the same state\nqueue waits and takes over.',
    examples: [
      ['tidemark-mq-sink run', 'until Ctrl-C'],
      ['tidemark-mq-sink run --apply', 'begins where there is no state yet']
    ],
    options: [{ flags: '--apply', description: 'first do what `tidemark-mq-sink apply` does' }],
    run: async invocation => (await import('./sink-run.ts')).run(invocation)
  }
]
