import io.apicurio.registry.utils.converter.avro.AvroData;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.json.JsonConverter;

/**
 * What a sink behind an AvroConverter gets: reads lines of `schema of Avro in base64, tab, Avro in base64` and prints for each
 * the Connect value that AvroData makes of it, as a JsonConverter without schemas writes it.
 */
class AvroToJson {
  public static void main(String[] arguments) throws Exception {
    AvroData avro = new AvroData(1000);
    JsonConverter json = new JsonConverter();
    json.configure(Map.of("schemas.enable", "false"), false);
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] parts = line.split("\t");
      byte[] text = Base64.getDecoder().decode(parts[0]);
      Schema schema = new Schema.Parser().parse(new String(text, StandardCharsets.UTF_8));
      BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(Base64.getDecoder().decode(parts[1]), null);
      Object datum = new GenericDatumReader<Object>(schema).read(null, decoder);
      if (!decoder.isEnd()) throw new IllegalStateException("bytes are left over");
      SchemaAndValue connect = avro.toConnectData(schema, datum);
      byte[] value = json.fromConnectData("compared", connect.schema(), connect.value());
      System.out.write(value);
      System.out.write('\n');
    }
    System.out.flush();
  }
}
