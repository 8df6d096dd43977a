import assert from 'node:assert/strict'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startContainer } from './kafka-container.ts'
import { makeScratchDirectory } from './scratch.ts'

/** A stand-in for the docker command: notes how it was called, and runs until it is ended. */
function standIn(): { command: string; calls: string; ended: string } {
  const directory = makeScratchDirectory('docker')
  const [command, calls, ended] = ['docker', 'calls', 'ended'].map(name => join(directory, name)) as [
    string,
    string,
    string
  ]
  const lines = [
    '#!/bin/sh',
    `echo "$*" >> ${calls}`,
    '[ "$1" = run ] || exit 0',
    `trap 'touch ${ended}; exit 143' TERM`,
    'echo "[KafkaRaftServer nodeId=1] Kafka Server started"',
    'while :; do sleep 0.05; done'
  ]
  writeFileSync(command, `${lines.join('\n')}\n`)
  chmodSync(command, 0o755)
  return { command, calls, ended }
}

test('a broker runs in the foreground of docker and is ended with it', async () => {
  const docker = standIn()
  const cluster = await startContainer({ settings: { 'message.max.bytes': 2_000_000 } }, docker.command)
  const [call = ''] = readFileSync(docker.calls, 'utf8').split('\n')
  assert.match(call, /^run --rm --name tidemark-kafka-\w+ -p 127\.0\.0\.1:\d+:9092 /)
  assert.match(call, new RegExp(`-e KAFKA_ADVERTISED_LISTENERS=HOST://${cluster.brokers[0]},INSIDE`))
  assert.match(call, /-e KAFKA_MESSAGE_MAX_BYTES=2000000 /)
  assert.match(call, / apache\/kafka:\d+\.\d+\.\d+$/)
  await cluster.stop()
  assert.ok(existsSync(docker.ended))
})

test('several brokers are refused: a container is one', async () => {
  await assert.rejects(startContainer({ nodes: 3 }), /a container is one broker/)
})
