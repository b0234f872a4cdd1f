"""Makes vectors.json: tokens by an independent library (PyJWT), and what must become of each.

    pip install 'PyJWT[crypto]==2.15.1' && python3 vectors.py > vectors.json

The private keys are made anew each time and kept nowhere."""
import base64
import hashlib
import hmac
import json

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

NOW = 1_790_000_000
CLAIMS = {"sub": "alice", "iss": "https://id.example.org/", "aud": "orion", "iat": NOW - 10, "exp": NOW + 600,
          "jti": "t-1", "scope": "openid read:signals publish"}

private = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
}
stranger = ed25519.Ed25519PrivateKey.generate()
short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
p384 = ec.generate_private_key(ec.SECP384R1())


def pem(key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def jwk(key, algorithm, kid, **more):
    made = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    made.pop("key_ops", None)
    return {**made, "kid": kid, **more}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(header, claims, sign):
    """A token that no library makes."""
    message = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
    return message + "." + b64(sign(message.encode()))


def token(algorithm="EdDSA", key=None, headers=None, **claims):
    claims = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    return jwt.encode(claims, key or private[algorithm], algorithm, headers=headers or {"kid": algorithm})


keys = {
    "jwks": json.dumps({"keys": [
        *(jwk(key, name, name, alg=name, use="sig") for name, key in private.items()),
        jwk(private["RS256"], "RS256", "for encryption", use="enc"),
        jwk(private["RS256"], "RS256", "of another algorithm", alg="PS256"),
        jwk(short, "RS256", "short"),
        {"kty": "oct", "kid": "shared", "k": b64(b"a shared secret of enough bytes!")},
        {"kty": "of tomorrow", "kid": "new"},
    ]}),
    "pem": "".join(pem(key) for key in private.values()),
    "rotated": json.dumps({"keys": [jwk(stranger, "EdDSA", "next")]}),
    "none usable": json.dumps({"keys": [jwk(short, "RS256", "short")]}),
    "p384": pem(p384),
    "private": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
}

cases = []


def case(name, expected, made, keys="jwks"):
    cases.append({"name": name, "keys": keys, "token": made, "expected": expected})


def hmac_with(secret, name="sha256"):
    return lambda message: hmac.new(secret, message, getattr(hashlib, name)).digest()


for algorithm in private:
    case(f"{algorithm} by its name in a set", "granted", token(algorithm))
    case(f"{algorithm} without a name in a set", "granted", token(algorithm, headers={}))
    case(f"{algorithm} by a PEM file", "granted", token(algorithm), "pem")
case("another claims", "Signature", token().rsplit(".", 2)[0] + "." + token(sub="mallory").rsplit(".", 2)[1] + "."
     + token().rsplit(".", 1)[1])
case("signed by a stranger under a known name", "Signature", token(key=stranger))
case("a name that is not known", "Signer", token(headers={"kid": "next"}))
case("signed by a stranger, and no name", "Signature", token(key=stranger, headers={}), "pem")
case("the name of another key", "Algorithm", token("EdDSA", headers={"kid": "RS256"}))
case("no algorithm", "Algorithm", raw({"alg": "none", "kid": "EdDSA"}, CLAIMS, lambda _: b""))
case("no algorithm, in capitals", "Algorithm", raw({"alg": "None"}, CLAIMS, lambda _: b""))
for name, key in private.items():
    case(f"HS256 with the public PEM of {name} as the secret", "Algorithm",
         raw({"alg": "HS256"}, CLAIMS, hmac_with(pem(key).encode())), "pem")
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    case(f"HS256 with the public DER of {name} as the secret", "Algorithm",
         raw({"alg": "HS256", "kid": name}, CLAIMS, hmac_with(der)))
case("HS256 with a secret of the set", "Algorithm",
     raw({"alg": "HS256", "kid": "shared"}, CLAIMS, hmac_with(b"a shared secret of enough bytes!")))
case("RS512 by the key for RS256", "Algorithm", token("RS512", private["RS256"], {"kid": "RS256"}))
case("PS256 by the key for RS256", "Algorithm", token("PS256", private["RS256"], {"kid": "RS256"}))
case("a key for encryption", "Signer", token("RS256", headers={"kid": "for encryption"}))
case("a key of another algorithm", "Signer", token("RS256", headers={"kid": "of another algorithm"}))
case("a short key", "Signer", token("RS256", short, {"kid": "short"}))
case("an own key in the header", "Signature",
     token(key=stranger, headers={"jwk": jwk(stranger, "EdDSA", "own"), "kid": "EdDSA"}))
case("an extension that must be understood", "Malformed",
     raw({"alg": "EdDSA", "kid": "EdDSA", "crit": ["exp"]}, CLAIMS, private["EdDSA"].sign))
case("expired", "Expired", token(exp=NOW - 31))
case("expired within the leeway", "granted", token(exp=NOW - 29))
case("not valid yet", "Early", token(nbf=NOW + 31))
case("without an end", "Endless", token(exp=None))
case("another issuer", "Issuer", token(iss="https://id.example.com/"))
case("another audience", "Audience", token(aud="other"))
case("no audience", "Audience", token(aud=None))
case("one of several audiences", "granted", token(aud=["other", "orion"]))
case("no subject", "Nameless", token(sub=None))
case("a revoked token", "Revoked", token(jti="t-revoked"))
case("a token of a revoked subject", "Revoked", token(sub="mallory"))
case("by the rotated keys", "granted", token(key=stranger, headers={"kid": "next"}), "rotated")
case("by a key before the rotation", "Signer", token(), "rotated")
case("nothing behind the points", "Malformed", "..")
case("four parts", "Malformed", token() + ".x")

# For tests against a server whose clock nobody sets: these hold until the year 2100.
LAST = 4_102_444_800
lasting = {
    "publisher": token(exp=LAST, jti="t-publisher", scope="read:signals read:prices publish"),
    "reader": token("ES256", exp=LAST, jti="t-reader", sub="bob", scope="read:signals read:prices"),
    "of another": token("RS256", exp=LAST, jti="t-another", sub="carol", scope="read:prices"),
    "expired": token(),
}

print(json.dumps({"now": NOW, "keys": keys, "cases": cases, "lasting": lasting}, indent=1))
