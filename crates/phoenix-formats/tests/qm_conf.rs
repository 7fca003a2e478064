//! Configuration files of virtual machines: what is read, and that an edit changes nothing else.

use phoenix_formats::lxc_conf::Edit;
use phoenix_formats::qm::VmConf;
use proptest::prelude::*;

const CONF: &str = "# Portainer%3A 100%25\n#by hand\nagent: 1\nallow-ksm: 0\nboot: order=scsi0\ncores: 4\nmemory: 8192\nname: portainer\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0\nonboot: yes\nparent: clean\nscsi0: pool:vm-1001-disk-0,iothread=1,size=32G\n\n[PENDING]\ncores: 8\ndelete: nameserver,!tags\n\n[clean]\ncores: 2\nsnaptime: 1700000000\n\n[special:cloudinit]\nipconfig0: ip=dhcp\n";

fn set(key: &str, value: &str) -> Edit {
    Edit::Set { key: key.to_owned(), value: value.to_owned() }
}

#[test]
fn sections_and_settings() {
    let conf = VmConf::parse(CONF);
    assert_eq!(conf.get("description"), Some(" Portainer: 100%\nby hand\n"));
    assert_eq!((conf.get("cores"), conf.wanted("cores")), (Some("4"), Some("8")));
    assert_eq!(conf.get("allow-ksm"), Some("0"));
    assert!(conf.is_on("onboot") && !conf.is_on("template"));
    assert_eq!(conf.disk_size("scsi0"), Some(32 << 30));
    assert_eq!(conf.disk_size("scsi1"), None);
    assert_eq!(conf.snapshots().keys().collect::<Vec<_>>(), ["clean"]);
    assert_eq!(conf.snapshots()["clean"].get("cores"), Some("2"));
    // What cloud-init last was given is nobody's setting.
    assert_eq!(conf.get("ipconfig0"), None);
    assert_eq!(conf.warnings(), []);
    assert_eq!(conf.lock(), None);
}

#[test]
fn what_is_deleted_is_not_wanted() {
    let conf = VmConf::parse("tags: a\nnameserver: 10.0.0.1\n[pending]\ndelete: tags\n");
    assert_eq!((conf.wanted("tags"), conf.wanted("nameserver")), (None, Some("10.0.0.1")));
}

#[test]
fn lines_that_cannot_be_read_are_warned_of() {
    let conf = VmConf::parse("cores: 1\n memory: 5\nlxc.net.0.type: veth\n[x]\n[pve:pending]\n");
    assert_eq!(
        conf.warnings().iter().map(|warning| warning.line).collect::<Vec<_>>(),
        [2, 3, 4, 5]
    );
}

#[test]
fn an_edit_changes_its_line_only() {
    let edits = [set("cores", "2"), set("allow-ksm", "1"), set("nameserver", "10.0.0.1")];
    let edits = edits.into_iter().chain([Edit::Remove { key: "parent".to_owned() }]);
    let after = VmConf::parse(CONF).edit(&edits.collect::<Vec<_>>()).expect("these are settings");
    let expected = CONF
        .replacen("cores: 4", "cores: 2", 1)
        .replace("allow-ksm: 0", "allow-ksm: 1")
        .replace("net0: ", "nameserver: 10.0.0.1\nnet0: ")
        .replace("parent: clean\n", "");
    assert_eq!(after, expected);
}

#[test]
fn what_is_no_setting_is_refused() {
    let conf = VmConf::parse(CONF);
    for (key, value) in [("Cores", "1"), ("cores", "1\nmemory: 5"), ("cores", ""), ("a b", "1")] {
        assert!(conf.edit(&[set(key, value)]).is_err(), "{key}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_stays(text in "([a-z0-9:\\[\\]# -]{0,12}\r?\n){0,8}", any in any::<String>()) {
        for text in [text, any] {
            let conf = VmConf::parse(&text);
            prop_assert_eq!(conf.text(), &text);
            let same = conf.edit(&[]);
            prop_assert_eq!(same.as_deref(), Ok(&*text));
        }
    }

    #[test]
    fn what_is_set_can_be_read(text in "((cores|memory|net0|\\[PENDING\\]|#x|!): ?[a-z0-9]{0,4}\n){0,8}", value in "[a-z0-9=,.]{1,8}") {
        let conf = VmConf::parse(&text);
        let after = VmConf::parse(&conf.edit(&[set("cores", &value)]).expect("a setting"));
        prop_assert_eq!(after.get("cores"), Some(value.as_str()));
        prop_assert_eq!(after.pending(), conf.pending());
        prop_assert_eq!(after.get("memory"), conf.get("memory"));
        let edited = after.edit(&[Edit::Remove { key: "cores".to_owned() }]).expect("a setting");
        let removed = VmConf::parse(&edited);
        prop_assert_eq!(removed.get("cores"), None);
    }
}
