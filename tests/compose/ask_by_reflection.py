"""Asks a question with nothing but a server's address: the messages come from server reflection.

    python ask_by_reflection.py HOST:PORT COLLECTION QUESTION        needs grpcio and grpcio-reflection
"""
import sys

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


def main():
    server, collection, question = sys.argv[1:4]
    with grpc.insecure_channel(server) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        print("services:", ", ".join(sorted(database.get_services())), file=sys.stderr)
        pool = descriptor_pool.DescriptorPool(database)
        ask = pool.FindServiceByName("precis.v1.PipelineService").FindMethodByName("Ask")
        request_class = message_factory.GetMessageClass(ask.input_type)
        response_class = message_factory.GetMessageClass(ask.output_type)
        call = channel.unary_stream("/precis.v1.PipelineService/Ask", request_serializer=request_class.SerializeToString,
                                    response_deserializer=response_class.FromString)
        for event in call(request_class(collection=collection, question=question), timeout=300):
            kind = event.WhichOneof("event")
            if kind == "delta":
                print(event.delta.text, end="", flush=True)
            elif kind == "citation":
                print(f"\n[{event.citation.passage_index + 1}] {event.citation.uri}:{event.citation.location.line_begin}")
            elif kind == "usage":
                print("\n" + json_format.MessageToJson(event.usage, preserving_proto_field_name=True))


if __name__ == "__main__":
    main()
