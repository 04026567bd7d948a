"""moto's object storage over TLS, with signatures verified: storage.py CERT KEY. Prints what a client needs, serves until its standard input ends."""
import json
import os
import sys
import threading

SETUP = 4  # requests that nobody signs: they make who signs all others
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = str(SETUP)
os.environ.update(AWS_ACCESS_KEY_ID="setup", AWS_SECRET_ACCESS_KEY="setup", AWS_DEFAULT_REGION="eu-central-1")

import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True, ssl_context=(sys.argv[1], sys.argv[2]))
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"https://127.0.0.1:{server.server_port}"


def client(name):
    return boto3.client(name, endpoint_url=url, verify=sys.argv[1], config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}))


iam = client("iam")
iam.create_user(UserName="updraft")
allowed = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": "*"}}
iam.put_user_policy(UserName="updraft", PolicyName="artifacts", PolicyDocument=json.dumps(allowed))
client("s3").create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
key = iam.create_access_key(UserName="updraft")["AccessKey"]
print(json.dumps({"url": url + "/artifacts/fleet", "id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}), flush=True)
sys.stdin.read()
