import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.apache.avro.AvroTypeException;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/**
 * Reads lines of `writer's schema, reader's schema, record`, each in base64 with a tab between, and prints for each whether
 * SchemaCompatibility says that the reader can, a tab, and the record as JSON: logical types in the text forms of java.time
 * and java.math; `unreadable` where it could not be read.
 */
class ReadBack {
  public static void main(String[] arguments) throws Exception {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] parts = line.split("\t", -1);
      Schema writer = schema(parts[0]);
      Schema reader = schema(parts[1]);
      System.out.println(judged(writer, reader) + "\t" + read(writer, reader, Base64.getDecoder().decode(parts[2])));
    }
  }

  private static boolean judged(Schema writer, Schema reader) {
    SchemaCompatibilityType type = SchemaCompatibility.checkReaderWriterCompatibility(reader, writer).getType();
    return type == SchemaCompatibilityType.COMPATIBLE;
  }

  private static String read(Schema writer, Schema reader, byte[] bytes) throws Exception {
    BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(bytes, null);
    try {
      GenericRecord record = new GenericDatumReader<GenericRecord>(writer, reader).read(null, decoder);
      if (!decoder.isEnd()) throw new IllegalStateException("bytes are left over");
      return json(record, reader);
    } catch (AvroTypeException unreadable) {
      return "unreadable";
    }
  }

  private static Schema schema(String base64) {
    return new Schema.Parser().parse(new String(Base64.getDecoder().decode(base64), StandardCharsets.UTF_8));
  }

  private static String json(Object value, Schema schema) {
    if (value == null) return "null";
    if (schema.getType() == Schema.Type.UNION) return json(value, present(schema));
    if (value instanceof GenericRecord record) return members(record, schema);
    LogicalType logical = schema.getLogicalType();
    if (logical instanceof LogicalTypes.Decimal decimal) {
      return quoted(new BigDecimal(new BigInteger(bytes(value)), decimal.getScale()).toPlainString());
    }
    if (logical != null && !(value instanceof CharSequence)) return quoted(time(logical.getName(), ((Number) value).longValue()));
    if (value instanceof List<?> list) {
      List<String> items = new ArrayList<>();
      for (Object item : list) items.add(json(item, schema.getElementType()));
      return "[" + String.join(",", items) + "]";
    }
    if (value instanceof ByteBuffer) return quoted(Base64.getEncoder().encodeToString(bytes(value)));
    if (value instanceof Double || value instanceof Float) {
      double number = ((Number) value).doubleValue();
      return Double.isFinite(number) ? value.toString() : quoted(value.toString());
    }
    return value instanceof CharSequence ? quoted(value.toString()) : value.toString();
  }

  /** The one branch that is not null. */
  private static Schema present(Schema union) {
    return union.getTypes().stream().filter(type -> type.getType() != Schema.Type.NULL).findFirst().orElseThrow();
  }

  private static String members(GenericRecord record, Schema schema) {
    List<String> members = new ArrayList<>();
    for (Schema.Field field : schema.getFields()) {
      members.add(quoted(field.name()) + ":" + json(record.get(field.pos()), field.schema()));
    }
    return "{" + String.join(",", members) + "}";
  }

  private static String time(String type, long value) {
    switch (type) {
      case "date":
        if (value == Integer.MAX_VALUE || value == Integer.MIN_VALUE) return value > 0 ? "infinity" : "-infinity";
        return LocalDate.ofEpochDay(value).toString();
      case "time-micros":
        return value == 86_400_000_000L ? "24:00:00" : LocalTime.ofNanoOfDay(value * 1000).toString();
      case "timestamp-micros":
      case "local-timestamp-micros":
        if (value == Long.MAX_VALUE || value == Long.MIN_VALUE) return value > 0 ? "infinity" : "-infinity";
        LocalDateTime local = LocalDateTime.ofInstant(Instant.EPOCH.plus(value, ChronoUnit.MICROS), ZoneOffset.UTC);
        return local + (type.equals("timestamp-micros") ? "Z" : "");
      default:
        throw new IllegalStateException("logical type " + type);
    }
  }

  private static byte[] bytes(Object value) {
    ByteBuffer buffer = ((ByteBuffer) value).duplicate();
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return bytes;
  }

  private static String quoted(String text) {
    StringBuilder json = new StringBuilder("\"");
    for (char character : text.toCharArray()) {
      if (character == '"' || character == '\\') json.append('\\').append(character);
      else if (character < 0x20) json.append(String.format("\\u%04x", (int) character));
      else json.append(character);
    }
    return json.append('"').toString();
  }
}
