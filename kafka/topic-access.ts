import { describeAclsV2, describeConfigsV2 } from '@platformatic/kafka'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { forbiddenError, isForbidden, wholeAnswer } from './broker-error.ts'
import type { Cluster } from './cluster.ts'

/** One ACL that lets somebody read a topic. */
export interface ReadGrant {
  /** As Kafka writes it: `User:name`, `User:*`. */
  principal: string
  host: string
  operation: 'Read' | 'All'
  /** Name the ACL is on: the topic, a prefix of it, or `*`. */
  resource: string
  pattern: 'literal' | 'prefixed'
}

export interface TopicAccess {
  grants: readonly ReadGrant[]
  /** Whether any ACL, of whatever kind, is on the topic. */
  guarded: boolean
}

/** Values of the ACL protocol (org.apache.kafka.common.acl and .resource). */
const TOPIC = 2
const MATCH = 2
const ANY = 1
const ALL = 2
const READ = 3
const ALLOW = 3
const PREFIXED = 4
const BROKER = 4
const SECURITY_DISABLED = 54
const everyoneConfig = 'allow.everyone.if.no.acl.found'

/**
 * Who may read a topic, whether it exists or not, by all ACLs that match its name. null: the brokers have no authorizer,
 * so everybody may. Throws KAFKA_AUTHORIZATION, KAFKA_UNREACHABLE.
 */
export async function topicAccess(cluster: Cluster, topic: string): Promise<TopicAccess | null> {
  const answer = await cluster.anyBroker('asking for ACLs', connection =>
    wholeAnswer(
      describeAclsV2.api.async(connection, {
        resourceType: TOPIC,
        resourceName: topic,
        resourcePatternType: MATCH,
        principal: null,
        host: null,
        operation: ANY,
        permissionType: ANY
      })
    )
  )
  if (answer.errorCode === SECURITY_DISABLED) return null
  if (answer.errorCode !== 0) throw aclError(answer.errorCode, topic)
  const grants = answer.resources.flatMap(({ resourceName, resourcePatternType, acls }) =>
    acls
      .filter(isReadGrant)
      .map(({ principal, host, operation }) => grantOf(principal, host, operation, resourceName, resourcePatternType))
  )
  return { grants, guarded: answer.resources.length > 0 }
}

/** Whether the brokers let everybody do everything on what has no ACL, as far as they tell. */
export async function isOpenWithoutAcl(cluster: Cluster): Promise<boolean> {
  const [broker] = await cluster.brokerIds()
  const answer = await cluster.atBroker(broker!, 'asking for settings', connection =>
    wholeAnswer(
      describeConfigsV2.api.async(
        connection,
        [{ resourceType: BROKER, resourceName: String(broker), configurationKeys: [everyoneConfig] }],
        false
      )
    )
  )
  const found = answer.results.flatMap(({ configs }) => configs).find(({ name }) => name === everyoneConfig)
  // A setting of the authorizer's own may come without its value.
  return found !== undefined && found.value !== 'false'
}

function isReadGrant(acl: { operation: number; permissionType: number }): boolean {
  return acl.permissionType === ALLOW && (acl.operation === READ || acl.operation === ALL)
}

function grantOf(principal: string, host: string, operation: number, resource: string, pattern: number): ReadGrant {
  return {
    principal,
    host,
    operation: operation === ALL ? 'All' : 'Read',
    resource,
    pattern: pattern === PREFIXED ? 'prefixed' : 'literal'
  }
}

function aclError(code: number, topic: string): TidemarkError {
  if (isForbidden(code)) return forbiddenError(code, 'Describe', 'cluster kafka-cluster')
  return new TidemarkError('KAFKA_UNREACHABLE', { message: `the ACLs of topic ${topic} cannot be had: error ${code}` })
}
