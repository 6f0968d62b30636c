import { createPrivateKey, X509Certificate } from 'node:crypto';
import { selfSignedCertificate } from '../../../src/streaming/certificate';

const NOW = new Date('2030-05-06T07:08:09.123Z');

describe('A certificate that signs itself', () => {
  it.each([
    ['127.0.0.1', 'DNS:localhost, IP Address:127.0.0.1'],
    ['10.20.30.40', 'DNS:localhost, IP Address:10.20.30.40'],
    ['::1', 'DNS:localhost, IP Address:0:0:0:0:0:0:0:1'],
    ['fd00:1::2:3', 'DNS:localhost, IP Address:FD00:1:0:0:0:0:2:3'],
    ['1:2:3:4:5:6:7:8', 'DNS:localhost, IP Address:1:2:3:4:5:6:7:8'],
    ['::ffff:1.2.3.4', 'DNS:localhost, IP Address:0:0:0:0:0:FFFF:102:304'],
    ['node.example', 'DNS:localhost'],
  ])('for %s holds its address', (address, names) => {
    const { cert } = selfSignedCertificate(address, NOW);
    expect(new X509Certificate(cert).subjectAltName).toBe(names);
  });

  it('is signed by its own key, which is the one that comes with it', () => {
    const { cert, key } = selfSignedCertificate('127.0.0.1', NOW);
    const certificate = new X509Certificate(cert);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(certificate.checkIssued(certificate)).toBe(true);
    expect(certificate.ca).toBe(false);
  });

  it('is good from the day before for ten years', () => {
    const certificate = new X509Certificate(selfSignedCertificate('127.0.0.1', NOW).cert);
    expect(certificate.validFrom).toBe('May  5 07:08:09 2030 GMT');
    expect(certificate.validTo).toBe('May  3 07:08:09 2040 GMT');
  });

  it('has a serial number of its own', () => {
    const serials = Array.from({ length: 50 }, () => {
      return new X509Certificate(selfSignedCertificate('127.0.0.1', NOW).cert).serialNumber;
    });
    expect(new Set(serials).size).toBe(50);
    expect(serials.filter((serial) => !/^01[0-9A-F]{30}$/.test(serial))).toEqual([]);
  });
});
