/**
 * Certificates of tests, made by openssl in a temporary folder; no private key is in the repository.
 *
 * @module
 */
import { Folder } from "./folder.ts";
import { whyNot } from "./skip.ts";

/** Why no certificates can be made here; `undefined` if they can. */
export const NO_CERTIFICATES = whyNot("openssl", "version");

/** A certificate and its private key, as the names of files and as PEM. */
export interface TestPair {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** How a certificate differs from one for `localhost` and 127.0.0.1 of the test's authority, valid for a day. */
export interface Deviation {
  /** Its common name. */
  name?: string;
  /** Its `subjectAltName`; none if empty. */
  names?: string;
  /** Who signs it: another authority, or `self`. */
  by?: TestPair | "self";
  /** From when to when it is valid: `YYYYMMDDHHMMSSZ`. */
  valid?: readonly [from: string, to: string];
  /** Whether it is of version 1, without extensions. */
  isOld?: boolean;
  /** The bits of its key, if that is one of RSA. */
  rsaBits?: number;
}

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** What `openssl ca` needs: it alone takes any dates. */
const CA_SETTINGS = `[ca]
default_ca=d
[d]
new_certs_dir=.
database=index
serial=serial
default_md=sha256
policy=p
unique_subject=no
[p]
commonName=supplied
`;

/** A folder of certificates, with an authority. Dispose of it with `using`. */
export class Certificates implements Disposable {
  readonly #folder = new Folder();
  #count = 0;
  /** The authority that signs all that says nothing else. */
  readonly authority: TestPair = this.makeAuthority("Test authority");

  /** The path of a file in the folder. */
  path(name: string): string {
    return `${this.#folder.path}/${name}`;
  }

  /** Writes a file into the folder; gives its path. */
  write(name: string, text: string): string {
    Deno.writeTextFileSync(this.path(name), text);
    return this.path(name);
  }

  /** Makes an authority. */
  makeAuthority(name: string): TestPair {
    return this.#make((pair) => {
      this.#openssl(
        ["req", "-x509", ...EC, "-subj", `/CN=${name}`, "-days", "1"],
        ["-keyout", pair.keyFile, "-out", pair.certFile],
      );
    });
  }

  /** Makes a certificate. */
  make(deviation: Deviation = {}): TestPair {
    const { name = "localhost", names = "DNS:localhost,IP:127.0.0.1", by, isOld, rsaBits } =
      deviation;
    const keyType = rsaBits === undefined ? EC : ["-newkey", `rsa:${rsaBits}`, "-nodes"];
    const subject = ["-subj", `/CN=${name}`];
    return this.#make((pair) => {
      const files = ["-keyout", pair.keyFile, "-out", pair.certFile];
      if (by === "self") {
        const leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
        const own = ["-addext", `subjectAltName=${names}`, "-days", "1"];
        return this.#openssl(["req", "-x509", ...EC, ...subject], [...leaf, ...own, ...files]);
      }
      const request = `${pair.certFile}.csr`;
      this.#openssl(["req", ...keyType, ...subject], ["-keyout", pair.keyFile, "-out", request]);
      this.#sign(request, pair.certFile, by ?? this.authority, { ...deviation, names, isOld });
    });
  }

  #sign(request: string, certFile: string, by: TestPair, deviation: Deviation): void {
    const { isOld, names, valid } = deviation;
    const extensions = this.write(
      "extensions",
      `basicConstraints=CA:FALSE\n${names && `subjectAltName=${names}\n`}`,
    );
    const extfile = isOld ? [] : ["-extfile", extensions];
    if (!valid) {
      return this.#openssl(["x509", "-req", "-in", request, "-days", "1", "-CAcreateserial"], [
        ...["-CA", by.certFile, "-CAkey", by.keyFile, "-out", certFile],
        ...extfile,
      ]);
    }
    this.write("index", "");
    this.write("serial", "01\n");
    const config = ["-config", this.write("settings", CA_SETTINGS), "-batch", "-notext"];
    this.#openssl(["ca", ...config, "-in", request, "-out", certFile], [
      ...["-cert", by.certFile, "-keyfile", by.keyFile, ...extfile],
      ...["-startdate", valid[0], "-enddate", valid[1]],
    ]);
  }

  #make(make: (pair: { certFile: string; keyFile: string }) => void): TestPair {
    const files = {
      certFile: this.path(`${++this.#count}.pem`),
      keyFile: this.path(`${this.#count}.key`),
    };
    make(files);
    const [cert, key] = [files.certFile, files.keyFile].map((file) => Deno.readTextFileSync(file));
    return { ...files, cert: cert!, key: key! };
  }

  #openssl(command: readonly string[], more: readonly string[]): void {
    const { stderr, success } = new Deno.Command("openssl", {
      args: [...command, ...more],
      cwd: this.#folder.path,
      stdin: "null",
    }).outputSync();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
