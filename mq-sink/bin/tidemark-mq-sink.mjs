#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --max-semi-space-size=8
// The command `tidemark-mq-sink`.
import { launch } from '@tidemark/capture/bin/launch.mjs'

await launch('tidemark-mq-sink', import.meta.url)
