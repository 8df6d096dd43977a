/** Confluent's subject name strategies: TopicNameStrategy, RecordNameStrategy, TopicRecordNameStrategy. */
export type SubjectStrategy = 'topic' | 'record' | 'topic-record'

/** The subject of a schema. `fullName`: of the record, with its namespace. */
export function subjectOf(strategy: SubjectStrategy, topic: string, part: 'key' | 'value', fullName: string): string {
  switch (strategy) {
    case 'topic':
      return `${topic}-${part}`
    case 'record':
      return fullName
    case 'topic-record':
      return `${topic}-${fullName}`
  }
}
