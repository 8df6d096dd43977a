/** Every stop of Tidemark: its stable code, what it means, and what to do about it. docs/errors.md is made from this. */
export const errorCodes = {
  // Record header, commit stream, bookmark
  HEADER_INVALID: {
    means: 'a record carries a tidemark header that is not of the specification',
    cure: 'find the program that writes to this topic with a copied or made-up tidemark header and stop it'
  },
  COMMIT_STREAM_INVALID: {
    means: 'a record of the commit stream is not of the specification',
    cure: 'check that nothing but the agent may write to the commit stream; upgrade the reader if the agent is newer'
  },
  BOOKMARK_INVALID: {
    means: 'a bookmark is not readable',
    cure: 'pass the text of a bookmark exactly as the consumer gave it'
  },
  BOOKMARK_FOREIGN: {
    means: 'a bookmark belongs to another commit stream',
    cure: 'use the bookmark with the commit stream it came from, or start from `earliest`'
  },
  BOOKMARK_UNNAMED: {
    means: 'the commit stream ends before the transaction that a bookmark tells of',
    cure: 'start again once an agent runs: the transaction will be named or its bookmark void. If it was seen by a TCC consumer, the stream has lost its end: start from an earlier bookmark'
  },
  BOOKMARK_VOID: {
    means:
      'a bookmark tells of a transaction that the commit stream does not name: it stands in a record that was written in vain and again later',
    cure: 'take bookmarks from records that a TCC consumer handed over. If this one was, the stream has lost its end: start from an earlier bookmark'
  },

  // Ownership of a subscription
  STREAM_EMPTY: {
    means: 'the commit stream has no genesis: the subscription was never applied, or its stream was lost',
    cure: 'run `tidemark apply` for a first start; if it ran before, the commit stream was lost: restore it or retire and apply anew'
  },
  STREAM_TRUNCATED: {
    means: 'the commit stream ends before a place that was known to be written',
    cure: 'the broker lost acknowledged records (unclean election or restore): see docs/errors.md before starting again'
  },
  OTHER_SYSTEM: {
    means: 'the source is not the database cluster this subscription was captured from',
    cure: 'point `postgres.url` at the original cluster, or retire the subscription and apply it anew'
  },
  OTHER_TIMELINE: {
    means: 'the source is on another timeline than the last owner saw: a failover or a restore happened',
    cure: 'verify that the new primary has every transaction already published; see docs/errors.md for the procedure'
  },
  SLOT_MISSING: {
    means: 'the replication slot is gone while the commit stream holds a position',
    cure: 'the changes since the last position cannot be had from the log: retire and apply anew with a first copy'
  },
  SLOT_LOST: {
    means: 'the replication slot was invalidated by the server; WAL it needs has been removed',
    cure: 'retire and apply anew with a first copy; raise max_slot_wal_keep_size or idle_replication_slot_timeout'
  },
  SLOT_AHEAD: {
    means: 'the slot was confirmed beyond the last published transaction: changes between are lost to it',
    cure: 'find who advanced the slot; retire and apply anew with a first copy'
  },
  SLOT_EXISTS: {
    means: 'a replication slot of that name exists already',
    cure: 'drop it if nobody needs it, or choose another name in `postgres.slot`'
  },
  SLOT_UNSUITABLE: {
    means: 'a replication slot of that name exists, but not for pgoutput in this database',
    cure: 'choose another name in `postgres.slot`, or drop the slot if nobody needs it'
  },
  SLOT_IN_USE: {
    means: 'another process holds the replication slot',
    cure: 'stop the other agent, or wait for it: a standby takes over by itself'
  },
  SUPERSEDED: {
    means: 'another agent has claimed the subscription; this one has stopped writing',
    cure: 'nothing to do if a standby took over; otherwise find the second agent with `tidemark status`'
  },
  REFRESH_INCOMPLETE: {
    means: 'the first copy of the tables was interrupted',
    cure: 'run `tidemark apply` again: it starts the copy anew'
  },

  // IBM MQ
  MQ_CLIENT_MISSING: {
    means: 'the npm package `ibmmq` or the MQ client library it loads is not installed',
    cure: 'run `npm install ibmmq@2.1.9` beside the configuration file, and install the MQ client (libmqm_r) it loads'
  },
  MQ_UNREACHABLE: {
    means: 'the queue manager cannot be reached, or the connection to it broke',
    cure: 'check that the queue manager and its listener run, and `mq.connection.name`; the agent tries again by itself'
  },
  MQ_QUEUE_MANAGER_UNKNOWN: {
    means: 'the server reached is another queue manager than `mq.queueManager` names',
    cure: 'correct `mq.queueManager` or `mq.connection.name`'
  },
  MQ_CHANNEL_UNSUITABLE: {
    means: 'the server-connection channel does not exist, or refuses clients',
    cure: 'correct `mq.connection.channel`, or define it: DEFINE CHANNEL(<name>) CHLTYPE(SVRCONN)'
  },
  MQ_AUTHORIZATION: {
    means: 'the queue manager refuses the user, or what it wants to do',
    cure: 'check `mq.connection.user` and the channel authentication records; grant +connect +inq on the queue manager, +get +browse +inq on queues that are read and +put +inq on those put to'
  },
  MQ_QUEUE_MISSING: {
    means: 'the queue manager has no queue of that name',
    cure: 'correct the name under `mq.queues` (names are case-sensitive), or define it: DEFINE QLOCAL(<name>)'
  },
  MQ_QUEUE_IN_USE: {
    means: 'another program has the queue open for input',
    cure: 'stop the other reader; a standby agent takes over by itself. To leave an application alone, read a copy: ALTER QLOCAL(<queue>) STREAMQ(<copy>)'
  },
  MQ_QUEUE_UNSUITABLE: {
    means: 'a queue has an attribute that its way of reading cannot work with',
    cure: 'alter the attribute that the message names'
  },
  MQ_COMMIT_IN_DOUBT: {
    means: 'the connection broke while a unit of work was committed: whether it was is not known',
    cure: 'nothing to do: what comes again is recognised and dropped'
  },
  MQ_UNIT_BACKED_OUT: {
    means: 'the queue manager backed a unit of work out (its log was full, or the unit too old)',
    cure: 'nothing to do if it is rare; else lower `mq.unitOfWork.messages` or enlarge the log of the queue manager'
  },
  MQ_UNIT_TOO_LARGE: {
    means: 'one transaction has more messages than a unit of work may hold',
    cure: 'raise MAXUMSGS of the queue manager: ALTER QMGR MAXUMSGS(<n>)'
  },
  MQ_UNIT_TOO_SLOW: {
    means: 'a unit of work was open too long, since Kafka did not take, or give, its records',
    cure: 'see why Kafka is slow or away; the unit was backed out and is begun again'
  },
  MQ_POISON_MESSAGE: {
    means: 'a message was backed out as often as BOTHRESH allows, and there is no queue to move it to',
    cure: 'mend what fails on the message, or name a queue to move such messages to: ALTER QLOCAL(<queue>) BOQNAME(<other>), or `deadLetterQueue: true` where the queue manager has one'
  },
  MQ_MESSAGE_TOO_LARGE: {
    means: 'a message is larger than `mq.messageBytesMax`',
    cure: 'raise `mq.messageBytesMax`, and max.message.bytes of the topic with it'
  },
  MQ_QUEUE_FULL: {
    means: 'a queue the sink puts to is full',
    cure: 'have the queue emptied, or raise its MAXDEPTH; the unit of work was backed out, and the sink tries again by itself'
  },
  MQ_PUT_INHIBITED: {
    means: 'puts to a queue are inhibited',
    cure: 'ALTER QLOCAL(<queue>) PUT(ENABLED); the unit of work was backed out, and the sink tries again by itself'
  },
  MQ_PUT_TOO_LARGE: {
    means: 'a record makes a larger message than a queue, the queue manager or the channel takes',
    cure: 'raise MAXMSGL of the queue, of the queue manager and of the channel: nothing is skipped'
  },
  MQ_STATE_MISSING: {
    means: 'the state queue of a sink holds no state: it was never begun, or somebody emptied the queue',
    cure: 'for a first start run `tidemark-mq-sink apply`; if the sink has run before, find the place it had reached in its log and begin there: `from: <bookmark>`, then `apply`'
  },
  MQ_STATE_INVALID: {
    means: 'the state queue of a sink holds something else than the one state message of this sink',
    cure: 'give every sink a state queue of its own, to which nothing else puts'
  },
  MQ_CALL_FAILED: {
    means: 'a call of the message queue interface failed for another reason',
    cure: 'look the reason code up: `mqrc <code>` on a machine with MQ'
  },

  // Reading
  SEQUENCE_GAP: {
    means: 'the commit stream skips a sequence number',
    cure: 'transactions are missing from the commit stream: see docs/errors.md, then start from a later bookmark if the loss is accepted'
  },
  CLAIM_MISSING: {
    means: 'a commit record is of an epoch no claim was seen for',
    cure: 'claims are missing from the commit stream: check its retention and cleanup policy'
  },
  RECORDS_MISSING: {
    means: 'records that a transaction names are not in their partition',
    cure: 'they were removed by retention, deletion or compaction: check the topic policy; `allowIncomplete` reads compacted topics'
  },
  RECORDS_CONFLICTING: {
    means: 'a record number of a transaction stands twice, or above the number of its records',
    cure: 'something else writes to the topic with a copied tidemark header: find it by the place named and stop it'
  },
  EXTENSION_MANDATORY: {
    means: 'the commit stream carries an entry this version does not know and must not skip',
    cure: 'upgrade @tidemark/tcc-consumer'
  },
  TRANSACTION_TOO_LARGE: {
    means: 'a transaction is larger than `wholeUpToBytes` and was asked for as an array',
    cure: 'read it with `for await (const record of transaction.stream())`, or raise wholeUpToBytes'
  },
  STREAM_RECREATED: {
    means: 'the commit stream is not the one it was: its topic was deleted and made anew',
    cure: 'start from `earliest` after checking what was lost'
  },
  STREAM_TRIMMED: {
    means: 'the place to read on at is older than what the commit stream keeps (`commitStreamRetention`)',
    cure: 'transactions after that place can no longer be had from the topics: bring the target up to date from the source, then start from `latest`, or start from `earliest` and accept the gap it reports; let readers lag less, or keep more'
  },

  // Kafka
  KAFKA_UNREACHABLE: {
    means: 'no broker answers',
    cure: 'check `kafka.brokers`, network and TLS settings'
  },
  KAFKA_AUTHENTICATION: { means: 'the broker refused the credentials', cure: 'check `kafka.sasl` and `kafka.tls`' },
  KAFKA_AUTHORIZATION: {
    means: 'the broker refused an operation for lack of permission',
    cure: 'grant the ACL the message names'
  },
  TOPIC_MISSING: { means: 'a topic does not exist', cure: 'run `tidemark apply`, or create the topic' },
  TOPIC_UNSUITABLE: {
    means: 'a topic exists with settings that would lose or disorder data',
    cure: 'change the topic as the message says'
  },
  TOPIC_RECREATED: {
    means: 'a topic in use was deleted and created again, or its log was cut: records acknowledged before are gone',
    cure: 'find out who deleted the topic or how the broker lost its log; start again once the topic is as it should be'
  },
  GROUP_SUPERSEDED: {
    means: 'another member of the consumer group has taken over; the commit of this one was refused',
    cure: 'nothing to do: the other member goes on from the last commit; do not apply further transactions here'
  },
  GROUP_UNSUITABLE: {
    means: 'the consumer group cannot be used as it is',
    cure: 'use a groupId that no other kind of consumer uses'
  },
  RECORD_TOO_LARGE: {
    means: "a record is larger than the topic's max.message.bytes",
    cure: "raise the topic's max.message.bytes, leave the column out, or send it elsewhere"
  },
  PRODUCER_FENCED: {
    means: 'the broker refused a batch because a newer owner has written',
    cure: 'nothing to do if a standby took over; otherwise find the second agent with `tidemark status`'
  },
  PRODUCE_FAILED: {
    means: 'the broker refused a batch for good',
    cure: 'the agent starts again from the commit stream by itself; if it repeats, see the cause'
  },
  RECORD_BATCH_INVALID: {
    means: 'bytes fetched from a partition are not a valid record batch',
    cure: 'check the broker log and disk; fetch the partition with another client to compare'
  },

  // PostgreSQL
  POSTGRES_UNREACHABLE: { means: 'the database does not answer', cure: 'check host, port and TLS of `postgres.url`' },
  POSTGRES_AUTHENTICATION: {
    means: 'the database refused the credentials',
    cure: 'check user, password and pg_hba.conf'
  },
  POSTGRES_PERMISSION: { means: 'the database role lacks a permission', cure: 'run the SQL the message gives' },
  POSTGRES_SETTING: {
    means: 'a server setting does not allow logical decoding',
    cure: 'change the setting as the message says'
  },
  CATALOGUE_BEHIND: {
    means: 'a table changed in a transaction that was decoded and that other sessions do not see yet',
    cure: 'look for a synchronous standby that does not answer (pg_stat_replication, synchronous_standby_names); then start again'
  },
  POSTGRES_FAILED: {
    means: 'the database answered with an error that has no name of its own here',
    cure: 'see the message and the server log, and start again once its cause is gone'
  },
  TABLE_MISSING: { means: 'a configured table does not exist', cure: 'correct its name (schema.table) or create it' },
  TABLE_WITHOUT_KEY: {
    means: 'a table has no primary key: publishing it would make UPDATE and DELETE of the application fail',
    cure: 'add a primary key or set REPLICA IDENTITY, or publish inserts only'
  },
  TABLE_UNSUITABLE: {
    means: 'a table is of a kind, or has a property, that cannot be captured completely',
    cure: 'change the table or the configuration as the message says'
  },
  PUBLICATION_UNSUITABLE: {
    means: 'the publication is missing, lacks a table, or was made after the slot',
    cure: 'run `tidemark apply`'
  },
  PROTOCOL_INVALID: {
    means: 'the server sent a replication message that is not of the protocol',
    cure: 'report it with the server version; the agent stopped before publishing anything of it'
  },

  // Configuration and commands
  CONFIG_UNREADABLE: {
    means: 'the configuration file cannot be read or is not YAML',
    cure: 'correct the file at the line given'
  },
  CONFIG_INVALID: {
    means: 'the configuration has an unknown or wrong entry',
    cure: 'correct the entry as the message says'
  },
  NOT_AVAILABLE: {
    means: 'the configuration or the command line asks for something this version does not have yet',
    cure: 'leave it out, or use a version that has it'
  },
  KEY_INVALID: {
    means: 'a key file cannot be read or does not hold a key that can be used',
    cure: 'give the right file, as the message says; until then nothing is sent unprotected, the agent does not start'
  },
  FILTER_INVALID: {
    means: 'a condition on rows cannot be understood, or does not fit the columns it names',
    cure: 'correct the condition as the message says'
  },
  EXPRESSION_INVALID: {
    means: 'the expression of a derived column cannot be understood, or does not fit the columns it names',
    cure: 'correct the expression as the message says'
  },
  LOOKUP_INVALID: {
    means: 'what a lookup reads is not there, too large, or not of the form it needs',
    cure: 'correct the file or the lookup as the message says'
  },
  LOOKUP_TOO_LARGE: {
    means: 'what lookups hold of a captured table does not fit the memory given for it',
    cure: 'take fewer columns, or raise `bytesMax` of the lookup; nothing is left out or guessed'
  },
  LOOKUP_ALTERED: {
    means:
      'a captured table that lookups read was altered: what its rows were for transactions still to come is not in the log',
    cure: 'if no such transaction needs values from before, say so by `definition` of the lookup, as the message tells; else retire and apply anew'
  },
  LOOKUP_UNTOLD: {
    means: 'the log does not tell what a captured table held when a transaction looked it up',
    cure: 'do as the message says; no value was guessed, and nothing of the transaction was published'
  },
  LOOKUP_BUSY: {
    means:
      'a captured table that lookups read is locked, or being written to, for so long that its rows cannot be read; or no replication slot is free to read the log by',
    cure: 'nothing to do if it passes: the agent tries again by itself; else end who holds the lock (pg_locks), or raise max_replication_slots'
  },
  SUBJECT_KEYS_TOO_LARGE: {
    means: 'the data keys of subjects do not fit the memory given for them',
    cure: 'raise `bytesMax`; fewer restarts and a longer `rotateAfterMinutes` make fewer keys'
  },
  TOPIC_EXPOSED: {
    means: 'a restricted topic may be read by others than the principals named',
    cure: 'remove or narrow the ACLs the message names; the agent does not send to the topic before'
  },
  USAGE: { means: 'wrong use of a command or an option', cure: 'see --help' },

  // Producing records
  PROCESSOR_FAILED: { means: 'a processor threw an error', cure: 'correct the processor; the transaction is not lost' },
  PROCESSOR_INVALID: {
    means: 'a processor file cannot be loaded or does not export a processor',
    cure: 'export default defineProcessor({name, process}) from the file, and see that it loads'
  },
  RECORD_INVALID: {
    means: 'a processor stated a record or an annotation that cannot be sent',
    cure: 'correct the processor as the message says; the transaction is not lost'
  },
  OUTPUT_TOO_LARGE: {
    means: 'a processor wrote more for one operation than is taken',
    cure: 'look for a loop that does not end; the transaction is not lost'
  },
  PROCESSOR_ASYNC: {
    means: 'a processor returned a promise, but processors are synchronous',
    cure: 'take out `async`; look things up before, or in a consumer behind Kafka; the transaction is not lost'
  },
  PROCESSOR_STUCK: {
    means: 'a processor did not return, or kept the event loop from turning; the agent was ended from outside',
    cure: 'correct the loop or the slow call in the processor, or raise `processors.callMsMax`; the transaction is not lost'
  },
  PROCESSOR_MEMORY: {
    means: 'a processor took more memory than one call may; the agent was ended from outside',
    cure: 'correct the processor, or raise `processors.memoryBytesMax`; the transaction is not lost'
  },
  PROCESSOR_STRAY: {
    means: 'something that a processor had started failed after its call had returned',
    cure: 'take out timers, promises and other work that outlives a call of the processor; the transaction is not lost'
  },
  OPERATIONS_PARKED: {
    means: 'operations failed and were set aside as dead letters, as their tables or queues declare',
    cure: 'read the dead letters, correct what fails, and do again what they tell'
  },
  PARKED_TOO_MANY: {
    means: 'more operations of one transaction failed than its entry in the commit stream can name',
    cure: 'correct what fails; or declare `onFailure: skip` for the table until it is corrected; the transaction is not lost'
  },
  COLUMN_UNKNOWN: { means: 'a rule or processor names a column the table has not', cure: 'correct the column name' },
  ROW_UNSUITABLE: {
    means: 'a row cannot be turned into a record as configured',
    cure: 'correct the configuration or the row as the message says; the transaction is not lost'
  },
  REGISTRY_UNREACHABLE: {
    means: 'the schema registry does not answer, or not now',
    cure: 'check `registry.url` and the registry; records whose schemas it has not named yet are held until it does'
  },
  REGISTRY_AUTHENTICATION: {
    means: 'the schema registry refused the credentials, or does not allow to register',
    cure: 'check `registry.username` and `registry.password`, or `registry.token`, and what they may write'
  },
  SCHEMA_INCOMPATIBLE: {
    means: 'the schema registry refuses the schema of a table as it is now, by the compatibility rule of its subject',
    cure: 'change the rule of the subject in the registry, or give the table another topic; nothing is lost meanwhile'
  },
  INTERNAL: { means: 'an invariant of Tidemark does not hold', cure: 'report it with the whole message' }
} as const satisfies Record<string, { means: string; cure: string }>

export type ErrorCode = keyof typeof errorCodes
