"""An OTLP sender that is not ours: opentelemetry-proto's own messages over grpcio and urllib.

Arguments: MODE (grpc, grpcs, http), ADDRESS, FILE of lines, and for grpcs DIRECTORY of ca.pem, client.pem, client.key.
Prints how many records were rejected.
"""

import sys
import urllib.request

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub


def request(lines):
    message = ExportLogsServiceRequest()
    scope = message.resource_logs.add().scope_logs.add()
    scope.scope.name = "peer"
    for line in lines:
        record = scope.log_records.add()
        record.body.string_value = line
        record.event_name = "countersign.access"
        record.attributes.add(key="http.response.status_code").value.int_value = 200
    return message


def channel(mode, address, more):
    if mode == "grpc":
        return grpc.insecure_channel(address, compression=grpc.Compression.Gzip)
    ca, key, certificate = (open(f"{more[0]}/{name}", "rb").read() for name in ("ca.pem", "client.key", "client.pem"))
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(ca, key, certificate))


def main(mode, address, path, *more):
    message = request(open(path, encoding="utf-8", newline="\n").read().splitlines())
    if mode == "http":
        headers = {"Content-Type": "application/x-protobuf"}
        call = urllib.request.Request(f"http://{address}/v1/logs", message.SerializeToString(), headers)
        answer = ExportLogsServiceResponse.FromString(urllib.request.urlopen(call).read())
    else:
        answer = LogsServiceStub(channel(mode, address, more)).Export(message, timeout=20)
    print(answer.partial_success.rejected_log_records)


main(*sys.argv[1:])
