import { CniError } from '../../../src/cni/cni-error';
import { renderConfTemplate } from '../../../src/cni/conf-template';

const TEMPLATE = `{
  "cniVersion": "0.3.1", "name": "containerd-net",
  "plugins": [{ "type": "ptp", "ipam": { "type": "host-local", "subnet": "{{.PodCIDR}}",
    "ranges": [{{range $i, $range := .PodCIDRRanges}}{{if $i}}, {{end}}[{"subnet": "{{$range}}"}]{{end}}],
    "routes": [{{range $i, $route := .Routes}}{{if $i}}, {{end}}{"dst": "{{$route}}"}{{end}}] } }]
}`;

describe('renderConfTemplate', () => {
  it('fills a template as it is used in the wild', () => {
    const conf = JSON.parse(renderConfTemplate(TEMPLATE, ['10.0.0.0/24', ' fd00::/64']));
    expect(conf.plugins[0].ipam).toEqual({
      type: 'host-local',
      subnet: '10.0.0.0/24',
      ranges: [[{ subnet: '10.0.0.0/24' }], [{ subnet: 'fd00::/64' }]],
      routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
    });
  });

  it.each([
    ['text alone', 'a { b } c', 'a { b } c'],
    ['a path', '{{.PodCIDR}}', '10.0.0.0/24'],
    ['a path with spaces', '{{ .PodCIDR }}', '10.0.0.0/24'],
    ['the dot in a range', '{{range .Routes}}<{{.}}>{{end}}', '<0.0.0.0/0>'],
    ['one variable', '{{range $r := .Routes}}{{$r}}{{end}}', '0.0.0.0/0'],
    ['the root in a range', '{{range .Routes}}{{$.PodCIDR}}{{end}}', '10.0.0.0/24'],
    ['a condition', '{{if .PodCIDR}}yes{{else}}no{{end}}', 'yes'],
    ['trimming', 'a  {{- .PodCIDR -}}  b', 'a10.0.0.0/24b'],
    ['a comment', 'a{{/* why */}}b', 'ab'],
  ])('understands %s', (_name, template, expected) => {
    expect(renderConfTemplate(template, ['10.0.0.0/24'])).toBe(expected);
  });

  it('takes the other branch for what is empty', () => {
    const template = '{{if .PodCIDR}}yes{{else}}no{{end}} {{range .Routes}}x{{else}}none{{end}}';
    expect(renderConfTemplate(template, [])).toBe('no none');
  });

  it.each([
    ['{{len .Routes}}', 'the template has {{len .Routes}}, which is not understood'],
    ['{{.PodCIDR | printf "%q"}}', 'the template has {{.PodCIDR | printf "%q"}}, which is not understood'],
    ['{{.Nothing}}', "the template's field .Nothing is not known"],
    ['{{.constructor}}', "the template's field .constructor is not known"],
    ['{{$x}}', 'the template has no variable $x'],
    ['{{range .PodCIDR}}{{end}}', 'the template ranges over .PodCIDR, which is no list'],
    ['{{range .Routes}}', 'the template has a range or if without its end'],
    ['{{end}}', 'the template has {{end}}, which is not understood'],
    ['{{if .PodCIDR}}{{else}}{{else}}{{end}}', 'the template has {{else}}, which is not understood'],
    ['{{}}', 'the template has {{}}, which is not understood'],
    ['{{ {{.PodCIDR}} }}x{{len}}', 'the template has {{len}}, which is not understood'],
    ['{{if .PodCIDR}}'.repeat(101), 'the template has more than 100 blocks within each other'],
  ])('refuses %s', (template, message) => {
    expect(() => renderConfTemplate(template, ['10.0.0.0/24'])).toThrow(new CniError(message));
  });
});
