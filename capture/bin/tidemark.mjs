#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --max-semi-space-size=8
// The command `tidemark`.
import { launch } from './launch.mjs'

await launch('tidemark', import.meta.url)
