import io.apicurio.registry.utils.converter.avro.AvroData;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.json.JsonConverter;

/**
 * A converter of Kafka Connect that writes what a JsonConverter and what an AvroConverter make of one and the same record:
 * `schema of Avro in base64, tab, Avro in base64, tab, JSON`. AvroData is Apicurio's copy of Confluent's, which Debezium's
 * documentation proposes; its settings are those both have by default.
 */
public class AvroBesideJson extends JsonConverter {
  private final AvroData avro = new AvroData(1000);

  @Override
  public byte[] fromConnectData(String topic, org.apache.kafka.connect.data.Schema schema, Object value) {
    byte[] json = super.fromConnectData(topic, schema, value);
    if (value == null || schema == null) return json;
    Schema converted = avro.fromConnectSchema(schema);
    String line = base64(converted.toString().getBytes(StandardCharsets.UTF_8)) + "\t"
        + base64(encoded(converted, avro.fromConnectData(schema, value))) + "\t"
        + new String(json, StandardCharsets.UTF_8);
    return line.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] encoded(Schema schema, Object value) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
    try {
      new GenericDatumWriter<>(schema, GenericData.get()).write(value, encoder);
      encoder.flush();
    } catch (IOException failure) {
      throw new DataException(failure);
    }
    return bytes.toByteArray();
  }

  private static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }
}
