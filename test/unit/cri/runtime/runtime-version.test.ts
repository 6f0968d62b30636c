import { runtimeVersion } from '../../../../src/cri/runtime/runtime-version';

/** The two expressions by which kubelet reads a version (k8s.io/apimachinery, ParseSemantic): numbers, then the rest. */
const KUBELET = /^\s*v?([0-9]+(?:\.[0-9]+){2})(.*)$/;
const REST = /^(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?\s*$/;

describe('runtimeVersion', () => {
  it.each([
    ['v2.4.2', '2.4.2+crisp.0.2.0'],
    ['2.4.2', '2.4.2+crisp.0.2.0'],
    ['1.6.20~ds1', '1.6.20+crisp.0.2.0'],
    ['1.7.28-0ubuntu1~22.04.1', '1.7.28+crisp.0.2.0'],
    ['1.7.28-0ubuntu4', '1.7.28-0ubuntu4+crisp.0.2.0'],
    ['v2.5.0-rc.1', '2.5.0-rc.1+crisp.0.2.0'],
    ['v2.3.4-5-gabc123.m', '2.3.4-5-gabc123.m+crisp.0.2.0'],
    ['2.0.0+unknown', '2.0.0+unknown.crisp.0.2.0'],
    ['1.7.27-k3s1+x_y', '1.7.27+crisp.0.2.0'],
    ['', '0.0.0+crisp.0.2.0'],
    ['dev', '0.0.0+crisp.0.2.0'],
  ])('of containerd %j is %s, which kubelet can read', (daemon, expected) => {
    const version = runtimeVersion(daemon, '0.2.0');
    expect(version).toBe(expected);
    const [, , rest = 'none'] = KUBELET.exec(version) ?? [];
    expect(rest).toMatch(REST);
  });

  it('stays readable whatever our own version is', () => {
    expect(runtimeVersion('v2.4.2', '7.7.7-test')).toBe('2.4.2+crisp.7.7.7-test');
    expect(runtimeVersion('v2.4.2', '0.2.0+git_1')).toBe('2.4.2+crisp.0.2.0-git-1');
  });
});
